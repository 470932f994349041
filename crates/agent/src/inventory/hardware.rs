//! Category `info`: the machine (`agent-control.md` §8.5, §8.7). The fields named
//! hardware hold properties of the processor; that is the wire's choice.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use super::read;

/// One object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Info {
    uuid: String,
    cpu_type: String,
    cpu_brand: String,
    cpu_physical_cores: usize,
    cpu_logical_cores: usize,
    physical_memory: u64,
    hardware_vendor: String,
    hardware_model: String,
    hardware_serial: String,
    computer_name: String,
    hostname: String,
    local_hostname: String,
}

impl Info {
    /// This machine's.
    #[must_use]
    pub(crate) fn collect() -> Self {
        let host = nix::unistd::gethostname()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let machine = rustix::system::uname()
            .machine()
            .to_string_lossy()
            .into_owned();
        Self::collect_in(Path::new("/"), &host, &machine)
    }

    fn collect_in(root: &Path, host: &str, machine: &str) -> Self {
        let cpu = read(&root.join("proc/cpuinfo"));
        let field = |name: &str| first_processor(&cpu, name);
        Self {
            uuid: uuid(root),
            cpu_type: machine.to_owned(),
            cpu_brand: field("model name"),
            cpu_physical_cores: physical_cores(root),
            cpu_logical_cores: cpu
                .lines()
                .filter(|line| line.starts_with("processor"))
                .count(),
            physical_memory: total_memory(&read(&root.join("proc/meminfo"))),
            hardware_vendor: field("vendor_id"),
            hardware_model: field("model"),
            hardware_serial: field("physical id"),
            computer_name: host.to_owned(),
            hostname: host.to_owned(),
            local_hostname: host.to_owned(),
        }
    }
}

fn uuid(root: &Path) -> String {
    let dmi = read(&root.join("sys/class/dmi/id/product_uuid"));
    if !dmi.trim().is_empty() {
        return dmi.trim().to_lowercase();
    }
    let machine = read(&root.join("etc/machine-id"));
    if let Ok(id) = uuid::Uuid::parse_str(machine.trim()) {
        return id.to_string();
    }
    read(&root.join("proc/sys/kernel/random/boot_id"))
        .trim()
        .to_lowercase()
}

/// The value of `name` in the first processor's block.
fn first_processor(cpuinfo: &str, name: &str) -> String {
    cpuinfo
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

fn physical_cores(root: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(root.join("sys/devices/system/cpu")) else {
        return 0;
    };
    let siblings: BTreeSet<String> = entries
        .flatten()
        .map(|entry| entry.path().join("topology"))
        .map(|topology| {
            let list = read(&topology.join("core_cpus_list"));
            if list.is_empty() {
                read(&topology.join("thread_siblings_list"))
            } else {
                list
            }
        })
        .filter(|list| !list.is_empty())
        .collect();
    siblings.len()
}

/// `MemTotal` is in kibibytes.
fn total_memory(meminfo: &str) -> u64 {
    meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse::<u64>().ok())
        .map_or(0, |kibibytes| kibibytes.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::super::tests::tree;
    use super::*;

    #[test]
    fn reads_a_machine() {
        let root = tree(&[
            ("etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
            (
                "proc/cpuinfo",
                "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 85\n\
                 model name\t: Example CPU\nphysical id\t: 0\n\nprocessor\t: 1\nmodel\t: 9\n",
            ),
            (
                "proc/meminfo",
                "MemTotal:        8049908 kB\nMemFree: 1 kB\n",
            ),
            (
                "sys/devices/system/cpu/cpu0/topology/core_cpus_list",
                "0-1\n",
            ),
            (
                "sys/devices/system/cpu/cpu1/topology/core_cpus_list",
                "0-1\n",
            ),
        ]);
        let info = Info::collect_in(root.path(), "web-01", "x86_64");
        assert_eq!(info.uuid, "01234567-89ab-cdef-0123-456789abcdef");
        assert_eq!((info.cpu_physical_cores, info.cpu_logical_cores), (1, 2));
        assert_eq!(info.physical_memory, 8_243_105_792);
        assert_eq!(info.hardware_model, "85");
        assert_eq!(info.hardware_serial, "0");
        assert_eq!(info.cpu_brand, "Example CPU");
    }

    #[test]
    fn keeps_the_order_of_the_wire() {
        let text = serde_json::to_string(&Info::default()).unwrap();
        assert!(text.starts_with(
            "{\"uuid\":\"\",\"cpu_type\":\"\",\"cpu_brand\":\"\",\"cpu_physical_cores\":0,"
        ));
    }
}
