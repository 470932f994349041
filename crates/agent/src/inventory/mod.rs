//! What the control plane knows about this machine: collecting it, sending all of
//! it (commit) and keeping it up to date (sync). `agent-control.md` §8.

mod commit;
mod difference;
mod disks;
mod fingerprint;
mod hardware;
mod network;
mod os;
mod packages;
mod sync;
mod users;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::agent::AccessPolicy;
use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use self::packages::Facts;
use crate::random;
use crate::reporter::Reporter;
use crate::server::Server;

/// The longest file a collector reads, in bytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;
/// Before the first synchronisation of a known server.
const RESYNC_DELAY: Duration = Duration::from_secs(5);
/// After the first commit: accounts first, the rest later, spread over a fleet.
const FIRST_ACCOUNTS: Duration = Duration::from_secs(5);
const FIRST_REST: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(60));

/// A category of system information. The order is the one they are sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Category {
    Info,
    Os,
    Time,
    Groups,
    Users,
    Interfaces,
    Addresses,
    Disks,
    Partitions,
}

impl Category {
    /// All, in order.
    pub(crate) const ALL: [Self; 9] = [
        Self::Info,
        Self::Os,
        Self::Time,
        Self::Groups,
        Self::Users,
        Self::Interfaces,
        Self::Addresses,
        Self::Disks,
        Self::Partitions,
    ];

    /// The name on the wire, also in URLs.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Os => "os",
            Self::Time => "time",
            Self::Groups => "groups",
            Self::Users => "users",
            Self::Interfaces => "interfaces",
            Self::Addresses => "addresses",
            Self::Disks => "disks",
            Self::Partitions => "partitions",
        }
    }

    /// By name.
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|category| category.name() == name)
    }
}

/// A category as collected.
#[derive(Clone, Debug, PartialEq)]
struct Collected {
    category: Category,
    /// An object, an array of objects, or `null` for no partitions at all.
    data: Value,
    /// Of what lasts of it.
    fingerprint: String,
}

/// Collects, commits and synchronises; clones share everything.
#[derive(Clone)]
pub(crate) struct Inventory {
    shared: Arc<Shared>,
}

struct Shared {
    server: Server,
    reporter: Reporter,
    facts: Facts,
    /// One synchronisation at a time.
    turn: tokio::sync::Mutex<()>,
    policy: Arc<Mutex<AccessPolicy>>,
}

impl Inventory {
    /// An inventory for `server`, which also keeps `policy` up to date.
    #[must_use]
    pub(crate) fn new(
        server: Server,
        reporter: Reporter,
        policy: Arc<Mutex<AccessPolicy>>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                server,
                reporter,
                facts: Facts::default(),
                turn: tokio::sync::Mutex::default(),
                policy,
            }),
        }
    }

    /// What happens once after the start.
    pub(crate) async fn first(self, commissioned: bool, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.introduce(commissioned) => {}
        }
    }

    async fn introduce(&self, commissioned: bool) {
        if commissioned {
            tokio::time::sleep(RESYNC_DELAY).await;
            self.sync_all().await;
            return;
        }
        self.commit(&[Category::Info, Category::Os]).await;
        tokio::time::sleep(random::between(Duration::ZERO, FIRST_ACCOUNTS)).await;
        self.sync(&[Category::Groups, Category::Users]).await;
        tokio::time::sleep(random::between(FIRST_REST.0, FIRST_REST.1)).await;
        self.sync(&[
            Category::Time,
            Category::Interfaces,
            Category::Addresses,
            Category::Disks,
            Category::Partitions,
        ])
        .await;
    }

    /// Takes over what the server says about local access.
    fn set_policy(&self, policy: AccessPolicy) {
        let mut held = self
            .shared
            .policy
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *held != policy {
            tracing::info!(?policy, "access policy");
            *held = policy;
        }
    }
}

/// Collects `categories`, on a thread that may block.
async fn collect(categories: &[Category]) -> Vec<Collected> {
    let categories = categories.to_vec();
    let collecting =
        tokio::task::spawn_blocking(move || categories.into_iter().map(collect_one).collect());
    collecting.await.unwrap_or_default()
}

fn collect_one(category: Category) -> Collected {
    let root = Path::new("/");
    let data = match category {
        Category::Info => value(&hardware::Info::collect()),
        Category::Os => value(&os::Os::collect()),
        Category::Time => {
            let time = os::Time::collect();
            return Collected {
                category,
                fingerprint: fingerprint::fingerprint(&value(&time.lasting())),
                data: value(&time),
            };
        }
        Category::Groups => value(&users::groups(root)),
        Category::Users => value(&users::users(root)),
        Category::Interfaces => value(&network::interfaces()),
        Category::Addresses => value(&network::addresses()),
        Category::Disks => value(&disks::disks(root)),
        Category::Partitions => match disks::partitions(root) {
            // The public agent hashes no partitions as `null`.
            none if none.is_empty() => Value::Null,
            some => value(&some),
        },
    };
    Collected {
        category,
        fingerprint: fingerprint::fingerprint(&data),
        data,
    }
}

fn fingerprints(collected: &[Collected]) -> BTreeMap<String, String> {
    collected
        .iter()
        .map(|one| (one.category.name().to_owned(), one.fingerprint.clone()))
        .collect()
}

/// Plain structs of texts and numbers always have a JSON form.
fn value<T: Serialize>(data: &T) -> Value {
    serde_json::to_value(data).unwrap_or_default()
}

/// A small file as text; nothing when it is absent, unreadable or too large.
/// Files of the kernel have no size, so the reading itself is limited.
fn read(path: &Path) -> String {
    use std::io::Read;
    let mut text = Vec::new();
    let complete = std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut text))
        .is_ok();
    if !complete || text.len() as u64 > MAX_FILE {
        return String::new();
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these files.
    pub(super) fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn has_the_categories_of_the_protocol() {
        let names = Category::ALL.map(Category::name);
        assert_eq!(names, protocol::agent::SYNC_CATEGORIES);
        assert_eq!(Category::named("disks"), Some(Category::Disks));
        assert_eq!(Category::named("firewall"), None);
    }

    #[tokio::test]
    async fn collects_this_machine() {
        let collected = collect(&Category::ALL).await;
        assert_eq!(collected.len(), 9);
        let users = &collected[4].data;
        assert!(
            users
                .as_array()
                .unwrap()
                .iter()
                .any(|user| user["username"] == "root")
        );
        let again = collect(&Category::ALL).await;
        assert_eq!(fingerprints(&collected), fingerprints(&again));
    }
}
