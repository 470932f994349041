//! Which operating system this is, and what that means for packages and accounts
//! (`agent-control.md` §15).

use std::path::Path;

/// Longest release file we read, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// A distribution by name and version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Distribution {
    /// Lower-case id such as `ubuntu`.
    pub(crate) id: String,
    /// Such as `22.04`; empty when unknown.
    pub(crate) version: String,
}

/// The families the control plane knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Debian and its children.
    Debian,
    /// Red Hat, its children, and SUSE.
    Rhel,
}

impl Family {
    /// The name on the wire.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::Rhel => "rhel",
        }
    }
}

/// How packages are managed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PackageManager {
    /// Debian family.
    Apt,
    /// Red Hat family.
    Yum,
    /// SUSE.
    Zypper,
}

impl Distribution {
    /// This machine's.
    #[must_use]
    pub(crate) fn detect() -> Self {
        Self::detect_in(Path::new("/"))
    }

    /// The family and the package manager; `None` for distributions that the
    /// control plane does not know.
    #[must_use]
    pub(crate) fn classify(&self) -> Option<(Family, PackageManager)> {
        match self.id.as_str() {
            "debian" | "ubuntu" | "raspbian" => Some((Family::Debian, PackageManager::Apt)),
            "rhel" | "centos" | "redhat" | "amazon" | "amzn" | "fedora" | "rocky" | "almalinux"
            | "oracle" | "ol" => Some((Family::Rhel, PackageManager::Yum)),
            id if ["opensuse", "sle", "suse"]
                .iter()
                .any(|p| id.starts_with(p)) =>
            {
                Some((Family::Rhel, PackageManager::Zypper))
            }
            _ => None,
        }
    }

    /// A rolling SUSE is upgraded as a whole.
    #[must_use]
    pub(crate) fn is_tumbleweed(&self) -> bool {
        self.id.contains("tumbleweed")
    }

    fn detect_in(root: &Path) -> Self {
        let read = |path: &str| read_small(&root.join(path));
        if root.join("etc/oracle-release").exists() {
            let text = read("etc/oracle-release").unwrap_or_default();
            return Self::new("oracle", version_after_release(&text));
        }
        if let Some(version) = read("etc/debian_version") {
            let lsb = read("etc/lsb-release").unwrap_or_default();
            if value_of(&lsb, "DISTRIB_ID").is_some_and(|id| id.eq_ignore_ascii_case("ubuntu")) {
                return Self::new(
                    "ubuntu",
                    &value_of(&lsb, "DISTRIB_RELEASE").unwrap_or_default(),
                );
            }
            let raspbian = root.join("usr/bin/raspi-config").exists();
            let id = if raspbian { "raspbian" } else { "debian" };
            return Self::new(id, version.trim());
        }
        for path in ["etc/redhat-release", "etc/system-release"] {
            if let Some(text) = read(path) {
                let lower = text.to_lowercase();
                let id = if lower.contains("red hat") {
                    "redhat"
                } else {
                    lower.split_whitespace().next().unwrap_or_default()
                };
                return Self::new(id, version_after_release(&text));
            }
        }
        let text = read("etc/os-release")
            .or_else(|| read("usr/lib/os-release"))
            .unwrap_or_default();
        let id = value_of(&text, "ID").unwrap_or_default().to_lowercase();
        let id = if id == "amzn" { "amazon" } else { &id };
        Self::new(id, &value_of(&text, "VERSION_ID").unwrap_or_default())
    }

    fn new(id: &str, version: &str) -> Self {
        Self {
            id: id.trim().to_lowercase(),
            version: version.trim().to_owned(),
        }
    }
}

fn read_small(path: &Path) -> Option<String> {
    let small = std::fs::metadata(path).ok()?.len() <= MAX_FILE;
    small.then(|| std::fs::read_to_string(path).ok())?
}

fn version_after_release(text: &str) -> &str {
    text.split_once("release")
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .unwrap_or_default()
}

/// The value of `name` in a file of shell assignments.
fn value_of(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.trim().split_once('=')?;
        (key == name).then(|| value.trim_matches(['"', '\'']).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(files: &[(&str, &str)]) -> (String, String) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let found = Distribution::detect_in(root.path());
        (found.id, found.version)
    }

    fn pair(id: &str, version: &str) -> (String, String) {
        (id.to_owned(), version.to_owned())
    }

    #[test]
    fn tells_distributions_apart() {
        let debian = ("etc/debian_version", "12.5\n");
        let ubuntu = (
            "etc/lsb-release",
            "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04\n",
        );
        assert_eq!(detect(&[debian]), pair("debian", "12.5"));
        assert_eq!(detect(&[debian, ubuntu]), pair("ubuntu", "22.04"));
        assert_eq!(
            detect(&[debian, ("usr/bin/raspi-config", "")]),
            pair("raspbian", "12.5")
        );
        let redhat = "Red Hat Enterprise Linux release 9.3 (Plow)\n";
        assert_eq!(
            detect(&[("etc/redhat-release", redhat)]),
            pair("redhat", "9.3")
        );
        let rocky = "Rocky Linux release 9.3 (Blue Onyx)\n";
        assert_eq!(
            detect(&[("etc/redhat-release", rocky)]),
            pair("rocky", "9.3")
        );
        let amazon = "NAME=\"Amazon Linux\"\nID=\"amzn\"\nVERSION_ID=\"2023\"\n";
        assert_eq!(
            detect(&[("etc/os-release", amazon)]),
            pair("amazon", "2023")
        );
        assert_eq!(detect(&[]), pair("", ""));
    }

    #[test]
    fn classifies() {
        let family = |id: &str| Distribution::new(id, "").classify();
        assert_eq!(
            family("ubuntu"),
            Some((Family::Debian, PackageManager::Apt))
        );
        assert_eq!(family("rocky"), Some((Family::Rhel, PackageManager::Yum)));
        assert_eq!(
            family("opensuse-tumbleweed"),
            Some((Family::Rhel, PackageManager::Zypper))
        );
        assert_eq!(family("arch"), None);
    }
}
