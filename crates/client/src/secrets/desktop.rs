//! The keyring of the desktop, by the Secret Service of freedesktop.org: `gnome-keyring`,
//! KWallet, KeePassXC. What it holds is encrypted on disk and opens with the desktop.

use std::collections::HashMap;
use std::time::Duration;

use secret_service::{EncryptionType, Error, Item, SecretService};

/// Unlocking may ask the user.
const DEADLINE: Duration = Duration::from_secs(60);
/// How items are found again.
const APPLICATION: (&str, &str) = ("application", "alpacon");
const PLACE: &str = "place";

pub(super) fn store(name: &str, secret: &[u8]) -> Result<(), String> {
    let (name, secret) = (name.to_owned(), secret.to_vec());
    run(async move || {
        let service = connect().await?;
        let collection = service.get_default_collection().await?;
        collection.unlock().await?;
        collection
            .create_item(
                "Alpacon login",
                attributes(&name),
                &secret,
                true,
                "application/json",
            )
            .await?;
        Ok(())
    })
}

pub(super) fn load(name: &str) -> Result<Option<Vec<u8>>, String> {
    let name = name.to_owned();
    run(async move || {
        let service = connect().await?;
        match find(&service, &name).await? {
            Some(item) => item.get_secret().await.map(Some),
            None => Ok(None),
        }
    })
}

pub(super) fn delete(name: &str) {
    let name = name.to_owned();
    // What cannot be reached cannot be emptied; the login ends at the server anyway.
    let _deleted = run(async move || {
        let service = connect().await?;
        match find(&service, &name).await? {
            Some(item) => item.delete().await,
            None => Ok(()),
        }
    });
}

async fn connect() -> Result<SecretService<'static>, Error> {
    // Other programs on the bus see no secrets.
    SecretService::connect(EncryptionType::Dh).await
}

fn attributes(name: &str) -> HashMap<&str, &str> {
    HashMap::from([APPLICATION, (PLACE, name)])
}

/// The item of a place, unlocked.
async fn find<'a>(service: &'a SecretService<'_>, name: &str) -> Result<Option<Item<'a>>, Error> {
    let mut found = service.search_items(attributes(name)).await?;
    if let Some(item) = found.unlocked.pop() {
        return Ok(Some(item));
    }
    let Some(item) = found.locked.pop() else {
        return Ok(None);
    };
    item.unlock().await?;
    Ok(Some(item))
}

/// Runs `work` in a thread with a runtime of its own: callers are in one already, and
/// wait for the secrets before anything else.
fn run<T: Send + 'static>(
    work: impl AsyncFnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, String> {
    let thread = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?
            .block_on(async { tokio::time::timeout(DEADLINE, work()).await })
            .map_err(|_| "the desktop's keyring did not answer".to_owned())?
            .map_err(|error| error.to_string())
    });
    thread
        .join()
        .map_err(|_| "the desktop's keyring cannot be asked".to_owned())?
}
