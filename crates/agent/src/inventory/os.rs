//! Categories `os` and `time`.

use serde::Serialize;

use super::read;
use crate::platform::Distribution;
use crate::sys;

/// One object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Os {
    name: String,
    version: String,
    major: u64,
    minor: u64,
    patch: u64,
    platform: String,
    platform_like: String,
}

/// One object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Time {
    datetime: String,
    boot_time: u64,
    timezone: String,
    uptime: u64,
}

impl Os {
    /// This machine's.
    #[must_use]
    pub(crate) fn collect() -> Self {
        Self::of(&Distribution::detect())
    }

    fn of(distribution: &Distribution) -> Self {
        // `04` counts as 4, and what is no number as 0.
        let mut parts = distribution
            .version
            .split('.')
            .map(|part| part.parse().unwrap_or(0))
            .chain(std::iter::repeat(0));
        let mut next = || parts.next().unwrap_or(0);
        Self {
            name: distribution.id.clone(),
            version: distribution.version.clone(),
            major: next(),
            minor: next(),
            patch: next(),
            platform: distribution.id.clone(),
            platform_like: distribution
                .classify()
                .map_or("", |(family, _)| family.as_str())
                .to_owned(),
        }
    }
}

impl Time {
    /// This machine's, now.
    #[must_use]
    pub(crate) fn collect() -> Self {
        Self {
            datetime: chrono::Local::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            boot_time: 0,
            timezone: sys::timezone(),
            uptime: read("/proc/uptime".as_ref())
                .split(['.', ' '])
                .next()
                .and_then(|seconds| seconds.parse().ok())
                .unwrap_or(0),
        }
    }

    /// What counts for the fingerprint: the rest changes all the time.
    #[must_use]
    pub(crate) fn lasting(&self) -> Self {
        Self {
            timezone: self.timezone.clone(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str, version: &str) -> Os {
        Os::of(&Distribution {
            id: id.into(),
            version: version.into(),
        })
    }

    #[test]
    fn splits_versions() {
        let ubuntu = of("ubuntu", "22.04");
        assert_eq!((ubuntu.major, ubuntu.minor, ubuntu.patch), (22, 4, 0));
        assert_eq!(ubuntu.platform_like, "debian");
        let testing = of("debian", "trixie/sid");
        assert_eq!((testing.major, testing.minor), (0, 0));
    }

    #[test]
    fn time_is_now() {
        let time = Time::collect();
        assert!(chrono::DateTime::parse_from_rfc3339(&time.datetime).is_ok());
        assert!(!time.timezone.is_empty());
        assert!(time.uptime > 0);
        assert_eq!(time.lasting().datetime, "");
    }
}
