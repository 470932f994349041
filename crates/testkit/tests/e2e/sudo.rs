//! Sudo on a host, with the real `sudo`, PAM and plugin. The machine's own
//! configuration is covered by ours in a mount namespace of the agent, so nothing
//! of it changes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use testkit::{Agent, Cli, System};

use crate::is_root;

const SUDOERS: &str = "Defaults !fqdn, !lecture\nnobody ALL=(ALL:ALL) ALL\n";

/// What covers the machine's configuration while the agent runs.
struct Machine {
    script: PathBuf,
}

impl Machine {
    /// Files in `folder`; the module and the plugin ask on `socket`.
    fn prepare(folder: &Path, socket: &Path) -> Self {
        let module = module();
        let (module, socket) = (module.display(), socket.display());
        let write = |name: &str, text: &str, mode: u32| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path.display().to_string()
        };
        let sudo_conf = format!(
            "Plugin sudoers_policy sudoers.so\nPlugin sudoers_io sudoers.so\n\
             Plugin approval_plugin {module} socket={socket}\n"
        );
        // Where the module does not know the process, a correct password stands in
        // for whatever the machine asks for.
        let pam = format!(
            "auth [user_unknown=ignore auth_err=die success=done default=bad] {module} \
             socket={socket}\nauth required pam_permit.so\naccount required pam_permit.so\n\
             session required pam_permit.so\n"
        );
        let script = format!(
            "set -e\nmount --bind {} /etc/sudo.conf\nmount --bind {} /etc/sudoers\n\
             mount --bind {} /etc/pam.d/sudo\nexec \"$@\"\n",
            write("sudo.conf", &sudo_conf, 0o644),
            write("sudoers", SUDOERS, 0o440),
            write("pam", &pam, 0o644),
        );
        Self {
            script: write("machine.sh", &script, 0o755).into(),
        }
    }

    fn launcher(&self) -> Vec<String> {
        [
            "unshare",
            "--mount",
            "sh",
            &self.script.display().to_string(),
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// Somebody at this machine who did not come through us.
    fn local(&self, line: &str) -> (bool, String) {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh"]).arg(&self.script);
        command.args([
            "setpriv",
            "--reuid=nobody",
            "--regid=nogroup",
            "--clear-groups",
        ]);
        let output = command.args(["sh", "-c", line]).output().unwrap();
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        (output.status.success(), text)
    }
}

/// The shared object of this build.
fn module() -> PathBuf {
    let executable = std::env::current_exe().unwrap();
    let folder = executable.ancestors().nth(2).unwrap();
    let path = folder.join("libalpamon_pam.so");
    assert!(
        path.is_file(),
        "{} does not exist; build it with `cargo build -p alpacon-pam-module`",
        path.display()
    );
    path
}

/// `None` without root: only root can cover the machine's configuration.
fn ready() -> Option<(System, Agent, Cli, Machine)> {
    if !is_root() {
        return None;
    }
    let system = System::start();
    let folder = system.folder().join("machine");
    fs::create_dir_all(&folder).unwrap();
    // The account that calls sudo must be able to reach everything it runs.
    for path in [system.folder(), folder.as_path()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let machine = Machine::prepare(&folder, &system.agent_folder("host").join("run/auth.sock"));
    let agent = system.agent_under("host", &machine.launcher());
    let cli = system.cli_with_password();
    Some((system, agent, cli, machine))
}

/// A session with a sudo policy for `commands`; its id.
fn open(cli: &Cli, scopes: &str, commands: Option<&str>) -> String {
    let mut arguments = vec![
        "work-session",
        "create",
        "--output",
        "json",
        "--purpose",
        "sudo",
        "--scope",
        scopes,
        "--server",
        "host",
        "--expires-in",
        "1h",
        "--use",
    ];
    if let Some(commands) = commands {
        arguments.extend(["--sudo", commands]);
    }
    let created = cli.run(&arguments).exits(0).json();
    created["work_session_id"].as_str().unwrap().to_owned()
}

/// A script on the host; lines in scripts are not judged before they run.
fn script(system: &System, name: &str, text: &str) -> String {
    let path = system.folder().join("machine").join(name);
    fs::write(&path, text).unwrap();
    format!("sh {}", path.display())
}

fn exec(cli: &Cli, line: &str) -> testkit::Finished {
    cli.run(&["exec", "-u", "nobody", "-g", "nogroup", "host", line])
}

#[test]
fn a_policy_lets_exactly_its_command_through() {
    let Some((system, _agent, cli, _machine)) = ready() else {
        return;
    };
    let session = open(&cli, "command,sudo", Some("id -u"));
    exec(&cli, "sudo id -u").exits(0).stdout_is("0\n");
    let hidden = script(&system, "good.sh", "sudo id -u\n");
    exec(&cli, &hidden).exits(0).stdout_is("0\n");

    for (name, text) in [
        ("other.sh", "sudo cat /etc/shadow\n"),
        ("shell.sh", "sudo sh -c 'id -u'\n"),
        ("more.sh", "sudo id -u -n\n"),
        ("edit.sh", "sudoedit /etc/hosts\n"),
        // A session of its own is no way out.
        ("setsid.sh", "setsid -w sudo cat /etc/shadow\n"),
        (
            "nested.sh",
            "setsid -w sh -c 'sudo cat /etc/shadow; exit 9'\n",
        ),
    ] {
        let run = exec(&cli, &script(&system, name, text));
        assert_ne!(run.code, Some(0), "{name}: {run:?}");
        assert!(
            run.stdout
                .contains("Alpacon denied this sudo command (SUDO_NO_WORKSESSION_POLICY)."),
            "{name}: {run:?}"
        );
        assert!(!run.stdout.contains("root:"), "{name}: {run:?}");
    }
    let run = exec(&cli, &script(&system, "hint.sh", "sudo cat /etc/shadow\n"));
    assert!(run.stderr.contains("--sudo"), "{run:?}");

    let timeline = cli
        .run(&["work-session", "timeline", &session, "--output", "json"])
        .exits(0)
        .json();
    let rows = timeline["timeline"].as_array().unwrap();
    let sudo = |wanted: &str| {
        let details = |row: &serde_json::Value| row["details"].as_str().unwrap().to_owned();
        rows.iter()
            .filter(|row| row["type"] == "sudo grant" && details(row).contains(wanted))
            .count()
    };
    assert_eq!(sudo("approved"), 2, "{timeline}");
    assert_eq!(sudo("denied"), 7, "{timeline}");
    let (verified, said) = system.verify_audit();
    assert!(verified, "{said}");
}

#[test]
fn without_the_scope_there_is_no_sudo() {
    let Some((system, _agent, cli, _machine)) = ready() else {
        return;
    };
    open(&cli, "command", None);
    let run = exec(&cli, &script(&system, "x.sh", "sudo id -u\n"));
    // The kernel refuses before anybody is asked: below this session nothing gains
    // privileges.
    assert!(run.stdout.contains("no new privileges"), "{run:?}");
    assert_ne!(run.code, Some(0), "{run:?}");
}

#[test]
fn sudo_outside_sessions_is_the_machines_own_affair_until_it_is_blocked() {
    let Some((system, agent, _cli, machine)) = ready() else {
        return;
    };
    let (went, said) = machine.local("sudo id -u");
    assert!(went && said == "0\n", "{said}");

    system
        .api_with_password()
        .patch(
            "/api/workspaces/access-control/-/",
            &json!({"block_local_sudo": true}),
        )
        .expect(200);
    testkit::eventually("local sudo is blocked", || {
        let (went, said) = machine.local("sudo id -u");
        (!went && said.contains("Alpacon denied this sudo command.")).then_some(())
    });

    // Nobody to ask means no, too.
    agent.kill();
    let (went, said) = machine.local("sudo id -u");
    assert!(
        !went && said.contains("Alpacon denied this sudo command."),
        "{said}"
    );
}
