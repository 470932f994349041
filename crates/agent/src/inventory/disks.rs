//! Categories `disks` and `partitions`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;

use super::read;

/// Devices whose names are one of these and digits are no disks.
const NO_DISKS: [&str; 5] = ["loop", "ram", "fd", "sr", "zram"];
/// File systems without a device behind them.
const PSEUDO: [&str; 22] = [
    "tmpfs",
    "devtmpfs",
    "proc",
    "sysfs",
    "cgroup",
    "cgroup2",
    "overlay",
    "autofs",
    "devfs",
    "nullfs",
    "volfs",
    "securityfs",
    "fusectl",
    "hugetlbfs",
    "debugfs",
    "pstore",
    "tracefs",
    "devpts",
    "mqueue",
    "bpf",
    "configfs",
    "binfmt_misc",
];
/// Mount points that begin so belong to the system itself.
const SYSTEM_MOUNTS: [&str; 7] = [
    "/sys",
    "/proc",
    "/run",
    "/dev/",
    "/System",
    "/Volumes/Recovery",
    "/private/var/vm",
];

/// One row of `disks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Disk {
    name: String,
    serial_number: String,
    label: String,
}

/// One row of `partitions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Partition {
    mount_points: Vec<String>,
    name: String,
    disk_name: String,
    fs_type: String,
    is_virtual: bool,
}

/// The disks that have been used since boot.
#[must_use]
pub(crate) fn disks(root: &Path) -> Vec<Disk> {
    let names: BTreeSet<String> = read(&root.join("proc/diskstats"))
        .lines()
        .filter_map(used_device)
        .filter(|name| !is_no_disk(name))
        .map(base_device)
        .collect();
    names
        .into_iter()
        .map(|name| {
            let sysfs = root.join("sys/block").join(&name);
            let trimmed = |path: &str| read(&sysfs.join(path)).trim().to_owned();
            Disk {
                serial_number: trimmed("device/serial"),
                label: trimmed("dm/name"),
                name,
            }
        })
        .collect()
}

/// The mounted file systems, by device.
#[must_use]
pub(crate) fn partitions(root: &Path) -> Vec<Partition> {
    let mut found: BTreeMap<String, Partition> = BTreeMap::new();
    for line in read(&root.join("proc/self/mounts")).lines() {
        let mut fields = line.split(' ').map(unescape);
        let (Some(device), Some(mount), Some(fs_type)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        if device.starts_with("/dev/loop")
            || PSEUDO.contains(&fs_type.as_str())
            || is_system(&mount)
        {
            continue;
        }
        found
            .entry(device.clone())
            .or_insert_with(|| Partition {
                mount_points: Vec::new(),
                disk_name: disk_name(&device),
                name: device,
                fs_type,
                is_virtual: false,
            })
            .mount_points
            .push(mount);
    }
    let mut partitions: Vec<_> = found.into_values().collect();
    for partition in &mut partitions {
        partition.mount_points.sort_unstable();
        partition.mount_points.dedup();
    }
    partitions
}

/// The name in a line of `/proc/diskstats` with a counter that is not zero.
fn used_device(line: &str) -> Option<&str> {
    let mut fields = line.split_whitespace();
    let name = fields.nth(2)?;
    fields.any(|counter| counter != "0").then_some(name)
}

fn is_no_disk(name: &str) -> bool {
    NO_DISKS.iter().any(|prefix| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    })
}

/// The disk that a partition belongs to: `sda1` → `sda`, `nvme0n1p1` → `nvme0n1`.
fn base_device(name: &str) -> String {
    if name.starts_with("dm-") || name.starts_with("md") {
        return name.to_owned();
    }
    let digits_off = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if name.starts_with("nvme") || name.starts_with("mmcblk") {
        let base = digits_off.strip_suffix('p').unwrap_or(name);
        return base.to_owned();
    }
    digits_off.to_owned()
}

/// The leading letters of the device, as the public agent names it.
fn disk_name(device: &str) -> String {
    let name = device.strip_prefix("/dev/").unwrap_or(device);
    name.chars().take_while(char::is_ascii_alphabetic).collect()
}

fn is_system(mount: &str) -> bool {
    mount == "/dev" || SYSTEM_MOUNTS.iter().any(|prefix| mount.starts_with(prefix))
}

/// The kernel writes space, tab, newline and backslash as octal numbers.
fn unescape(field: &str) -> String {
    field
        .replace("\\040", " ")
        .replace("\\011", "\t")
        .replace("\\012", "\n")
        .replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::super::tests::tree;
    use super::*;

    #[test]
    fn folds_partitions_into_disks() {
        for (name, base) in [
            ("sda1", "sda"),
            ("sda", "sda"),
            ("nvme0n1p1", "nvme0n1"),
            ("nvme0n1", "nvme0n1"),
            ("mmcblk0p1", "mmcblk0"),
            ("mmcblk0", "mmcblk0"),
            ("dm-0", "dm-0"),
        ] {
            assert_eq!(base_device(name), base);
        }
        assert!(is_no_disk("loop0") && is_no_disk("zram1"));
        assert!(!is_no_disk("sda") && !is_no_disk("srx"));
    }

    #[test]
    fn lists_used_disks_once() {
        let root = tree(&[
            (
                "proc/diskstats",
                "   8 0 sda 10 0 80 1 0 0 0 0 0 1 1\n   8 1 sda1 9 0 8 1 0 0 0 0 0 1 1\n\
                    7 0 loop0 5 0 8 1 0 0 0 0 0 1 1\n   8 16 sdb 0 0 0 0 0 0 0 0 0 0 0\n",
            ),
            ("sys/block/sda/device/serial", " S1 \n"),
        ]);
        let disks = disks(root.path());
        assert_eq!(disks.len(), 1);
        assert_eq!(disks[0].name, "sda");
        assert_eq!(disks[0].serial_number, "S1");
    }

    #[test]
    fn groups_mounts_by_device() {
        let root = tree(&[(
            "proc/self/mounts",
            "/dev/sda1 / ext4 rw 0 0\n/dev/sda1 /a\\040b ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n\
             /dev/loop1 /snap ext4 ro 0 0\n/dev/sdb1 /runner ext4 rw 0 0\n",
        )]);
        let partitions = partitions(root.path());
        assert_eq!(partitions.len(), 1);
        assert_eq!(partitions[0].mount_points, ["/", "/a b"]);
        assert_eq!(partitions[0].disk_name, "sda");
    }
}
