//! Categories `interfaces` and `addresses`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::SockaddrIn;
use serde::Serialize;

use super::read;

/// Interfaces whose names begin so are virtual or internal, and left out.
const SKIPPED: [&str; 23] = [
    "lo",
    "docker",
    "veth",
    "br-",
    "virbr",
    "vmnet",
    "tap",
    "tun",
    "wg",
    "zt",
    "tailscale",
    "enp0s",
    "cni",
    "utun",
    "awdl",
    "llw",
    "bridge",
    "anpi",
    "ap",
    "Loopback",
    "isatap",
    "Teredo",
    "6to4",
];

/// One row of `interfaces`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Interface {
    name: String,
    mac: String,
    #[serde(rename = "type")]
    kind: u32,
    flags: u32,
    mtu: u32,
    link_speed: u32,
}

/// One row of `addresses`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Address {
    address: String,
    broadcast: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    interface_name: String,
    mask: String,
}

/// The real network interfaces of this machine.
#[must_use]
pub(crate) fn interfaces() -> Vec<Interface> {
    let mut found = BTreeMap::new();
    for entry in entries() {
        let Some(mac) = mac_of(&entry.interface_name) else {
            continue;
        };
        let mtu = read(&sysfs(&entry.interface_name).join("mtu"));
        let interface = Interface {
            mac,
            kind: 0,
            flags: wire_flags(entry.flags),
            mtu: mtu.trim().parse().unwrap_or(0),
            link_speed: 0,
            name: entry.interface_name.clone(),
        };
        found.insert(entry.interface_name, interface);
    }
    found.into_values().collect()
}

/// Their IPv4 addresses.
#[must_use]
pub(crate) fn addresses() -> Vec<Address> {
    entries()
        .filter(|entry| mac_of(&entry.interface_name).is_some())
        .filter_map(|entry| {
            let address = entry.address.as_ref()?.as_sockaddr_in()?.ip();
            let mask = entry
                .netmask
                .as_ref()
                .and_then(|mask| mask.as_sockaddr_in().map(SockaddrIn::ip))
                .unwrap_or(Ipv4Addr::BROADCAST);
            Some(row(entry.interface_name, address, mask))
        })
        .collect()
}

fn row(interface_name: String, address: Ipv4Addr, mask: Ipv4Addr) -> Address {
    Address {
        address: address.to_string(),
        broadcast: Ipv4Addr::from(u32::from(address) | !u32::from(mask)).to_string(),
        interface_name,
        mask: mask.to_string(),
    }
}

fn entries() -> impl Iterator<Item = InterfaceAddress> {
    getifaddrs()
        .inspect_err(|error| tracing::warn!(%error, "cannot list the network interfaces"))
        .into_iter()
        .flatten()
        .filter(|entry| !is_skipped(&entry.interface_name))
}

fn is_skipped(name: &str) -> bool {
    SKIPPED.iter().any(|prefix| name.starts_with(prefix))
}

fn sysfs(name: &str) -> std::path::PathBuf {
    Path::new("/sys/class/net").join(name)
}

fn mac_of(name: &str) -> Option<String> {
    let mac = read(&sysfs(name).join("address"));
    let mac = mac.trim();
    (!mac.is_empty() && mac.contains(':')).then(|| mac.to_owned())
}

/// The four flags that travel have the kernel's values.
fn wire_flags(flags: InterfaceFlags) -> u32 {
    let wanted = InterfaceFlags::IFF_UP
        | InterfaceFlags::IFF_LOOPBACK
        | InterfaceFlags::IFF_POINTOPOINT
        | InterfaceFlags::IFF_RUNNING;
    u32::try_from((flags & wanted).bits()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_out_virtual_interfaces() {
        assert!(is_skipped("lo") && is_skipped("docker0") && is_skipped("enp0s3"));
        assert!(!is_skipped("eth0") && !is_skipped("ens3"));
        assert!(interfaces().iter().all(|i| i.mac.contains(':')));
    }

    #[test]
    fn computes_the_broadcast_address() {
        let row = row(
            "eth0".into(),
            Ipv4Addr::new(10, 1, 2, 3),
            Ipv4Addr::new(255, 255, 0, 0),
        );
        assert_eq!(row.broadcast, "10.1.255.255");
        assert_eq!(row.mask, "255.255.0.0");
    }

    #[test]
    fn flags_are_the_wire_values() {
        let flags = InterfaceFlags::IFF_UP
            | InterfaceFlags::IFF_BROADCAST
            | InterfaceFlags::IFF_RUNNING
            | InterfaceFlags::IFF_MULTICAST;
        assert_eq!(wire_flags(flags), 65);
    }
}
