//! `alpamon register` (`agent-control.md` §4.2).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use protocol::agent::{Register, Registered};
use protocol::auth::extension::{REPORT_BATCH, SIGNED_ORDERS};
use reqwest::{Method, StatusCode};

use super::{cloud, forget, name, service};
use crate::config::ini::is_plain;
use crate::config::paths::has_content;
use crate::config::{Config, Identity, PinnedKey, Pool, Tls, file, paths};
use crate::console;
use crate::platform::Distribution;
use crate::server::{Request, Server};

const PATH: &str = "/api/servers/servers/register/";
const TIMEOUT: Duration = Duration::from_secs(30);
/// The server's words in an error message, in bytes.
const MAX_QUOTE: usize = 2048;

/// What the command line says.
#[derive(Clone, Debug)]
pub(crate) struct RegisterOptions {
    /// `--url`.
    pub(crate) url: String,
    /// `--token`.
    pub(crate) token: String,
    /// `--name`.
    pub(crate) name: Option<String>,
    /// `--platform`.
    pub(crate) platform: Option<String>,
    /// `--ssl-verify` and `--ca-cert`.
    pub(crate) tls: Tls,
    /// `--tag`.
    pub(crate) tags: BTreeMap<String, String>,
    /// Not `--no-cloud-probe`.
    pub(crate) cloud_probe: bool,
    /// `--force`.
    pub(crate) force: bool,
    /// Not `--no-rollback`.
    pub(crate) rollback: bool,
    /// Not `--no-service`.
    pub(crate) service: bool,
    /// Where to write.
    pub(crate) config: PathBuf,
    /// Created for the daemon.
    pub(crate) state_dir: PathBuf,
}

/// What was there before.
struct Previous {
    bytes: Vec<u8>,
    config: Option<Config>,
}

/// Registers this machine and writes its configuration.
///
/// # Errors
/// When anything before or including writing the configuration fails; the
/// registration is then undone.
pub(crate) async fn register(options: &RegisterOptions) -> anyhow::Result<()> {
    let url = checked_url(&options.url)?;
    let previous = previous_config(options)?;
    let request = Register {
        name: requested_name(options.name.as_deref())?,
        platform: platform(options.platform.as_deref())?,
        tags: tags(options).await,
        extensions: vec![SIGNED_ORDERS.to_owned(), REPORT_BATCH.to_owned()],
    };
    let tls = absolute(&options.tls)?;
    let answer = ask(url, &tls, &options.token, &request).await?;
    let identity = Identity {
        url: url.to_owned(),
        id: answer.id.clone(),
        key: answer.key.clone(),
    };
    let committed = commit(options, &identity, &tls, &answer);
    if let Err(error) = committed {
        if options.rollback {
            roll_back(&options.config, previous.as_ref());
            forget(&identity, &tls).await;
        }
        return Err(error);
    }
    console::say(&format!(
        "Registered as {} ({}).\nConfiguration: {}",
        answer.name,
        answer.id,
        options.config.display()
    ));
    if let Some(old) = previous.and_then(|previous| previous.config)
        && old.server.id != identity.id
    {
        forget(&old.server, &old.tls).await;
    }
    start_service(options.service);
    Ok(())
}

fn checked_url(url: &str) -> anyhow::Result<&str> {
    let url = url.trim();
    if !(url.starts_with("https://") || url.starts_with("http://")) || !is_plain(url) {
        bail!("--url must be the server's address, such as https://acme.example.com");
    }
    Ok(url.strip_suffix('/').unwrap_or(url))
}

/// Daemons start in another folder than the one `--ca-cert` was given in.
fn absolute(tls: &Tls) -> anyhow::Result<Tls> {
    let ca_cert = match &tls.ca_cert {
        None => None,
        Some(path) => Some(
            std::fs::canonicalize(path).with_context(|| format!("--ca-cert {}", path.display()))?,
        ),
    };
    Ok(Tls {
        verify: tls.verify,
        ca_cert,
    })
}

fn previous_config(options: &RegisterOptions) -> anyhow::Result<Option<Previous>> {
    let path = &options.config;
    if !has_content(path) {
        return Ok(None);
    }
    if !options.force {
        bail!(
            "this machine is registered already ({}); use `alpamon register --force` to \
             replace the registration, or `alpamon unregister` to end it",
            path.display()
        );
    }
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let config = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| Config::parse(text, path).ok());
    Ok(Some(Previous { bytes, config }))
}

fn requested_name(wish: Option<&str>) -> anyhow::Result<String> {
    let wish = wish.filter(|wish| !wish.is_empty());
    if let Some(wish) = wish {
        return Ok(name::normalise(wish)?);
    }
    let host = nix::unistd::gethostname().context("cannot read the host name")?;
    Ok(name::normalise(name::short(&host.to_string_lossy()))?)
}

fn platform(wish: Option<&str>) -> anyhow::Result<String> {
    let detected = Distribution::detect();
    let family = detected.classify().map(|(family, _)| family.as_str());
    match (wish.filter(|wish| !wish.is_empty()), family) {
        (None, Some(family)) => Ok(family.to_owned()),
        (None, None) => bail!(
            "cannot tell the platform of this system ({:?}); choose one with \
             --platform debian or --platform rhel",
            detected.id
        ),
        (Some(wish @ ("debian" | "rhel")), family) => {
            if family.is_some_and(|family| family != wish) {
                console::warn(&format!(
                    "--platform {wish} does not fit this system ({})",
                    detected.id
                ));
            }
            Ok(wish.to_owned())
        }
        (Some(wish), _) => bail!("--platform {wish} does not fit Linux; use debian or rhel"),
    }
}

/// The cloud's tags, and over them those of the user.
async fn tags(options: &RegisterOptions) -> BTreeMap<String, String> {
    let mut tags = if options.cloud_probe {
        cloud::tags().await
    } else {
        BTreeMap::new()
    };
    tags.extend(options.tags.clone());
    tags
}

async fn ask(url: &str, tls: &Tls, token: &str, request: &Register) -> anyhow::Result<Registered> {
    let server = Server::with_token(url, tls, token)?;
    let mut post = Request::new(Method::POST, PATH, TIMEOUT);
    post.body = Some(serde_json::to_vec(request)?);
    let (status, body) = server.send(post).await?;
    if status != StatusCode::CREATED {
        let quote = String::from_utf8_lossy(body.get(..MAX_QUOTE).unwrap_or(&body));
        bail!("the server refused the registration with {status}: {quote}");
    }
    let answer: Registered =
        serde_json::from_slice(&body).context("the server's answer cannot be understood")?;
    for (what, value) in [("id", &answer.id), ("key", &answer.key)] {
        let usable = !value.is_empty()
            && is_plain(value)
            && value.bytes().all(|byte| byte.is_ascii_graphic());
        if !usable {
            bail!("the server gave an {what} that this agent cannot store");
        }
    }
    Ok(answer)
}

fn commit(
    options: &RegisterOptions,
    identity: &Identity,
    tls: &Tls,
    answer: &Registered,
) -> anyhow::Result<()> {
    let orders = match &answer.order_key {
        None => None,
        Some(key) if key.algorithm == "Ed25519" => Some(
            PinnedKey::from_hex(&key.key_id, &key.public_key)
                .context("the server's order key is not usable")?,
        ),
        Some(key) => bail!(
            "the server signs orders with {}, not Ed25519",
            key.algorithm
        ),
    };
    let config = Config {
        server: identity.clone(),
        tls: tls.clone(),
        debug: false,
        pool: Pool::default(),
        max_download_bytes: 0,
        orders,
    };
    file::replace(&options.config, config.render().as_bytes(), 0o600)
        .with_context(|| format!("cannot write {}", options.config.display()))?;
    file::create_folder(&options.state_dir, 0o750)
        .with_context(|| format!("cannot create {}", options.state_dir.display()))?;
    forget_reports(&options.state_dir)
}

/// What is left to report belongs to an earlier registration; this server must
/// not see it.
fn forget_reports(state_dir: &Path) -> anyhow::Result<()> {
    let spool = paths::spool(state_dir);
    match std::fs::remove_dir_all(&spool) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot empty {}", spool.display()))
        }
        _ => Ok(()),
    }
}

fn roll_back(path: &Path, previous: Option<&Previous>) {
    let restored = match previous {
        Some(previous) => file::replace(path, &previous.bytes, 0o600),
        None => match std::fs::remove_file(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        },
    };
    if let Err(error) = restored {
        console::warn(&format!("could not restore {}: {error}", path.display()));
    }
}

fn start_service(wanted: bool) {
    if !wanted {
        return;
    }
    if !nix::unistd::geteuid().is_root() {
        console::say("Start the agent with `alpamon`; without root there is no system service.");
        return;
    }
    match service::start() {
        Ok(()) => console::say("The service alpamon is running."),
        Err(error) => console::warn(&format!("the service was not started: {error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_must_be_one() {
        assert_eq!(checked_url(" https://a.b/ ").unwrap(), "https://a.b");
        for url in ["", "a.b", "ftp://a", "https://a#b", "https://a;b"] {
            assert!(checked_url(url).is_err(), "{url:?}");
        }
    }

    #[test]
    fn the_platform_must_fit_linux() {
        assert_eq!(platform(Some("rhel")).unwrap(), "rhel");
        assert!(platform(Some("darwin")).is_err());
        assert!(platform(Some("windows")).is_err());
    }

    #[test]
    fn earlier_reports_do_not_reach_another_server() {
        let state = tempfile::tempdir().unwrap();
        assert!(forget_reports(state.path()).is_ok());
        std::fs::create_dir(state.path().join("spool")).unwrap();
        std::fs::write(state.path().join("spool/0-end.json"), "{}").unwrap();
        forget_reports(state.path()).unwrap();
        assert!(!state.path().join("spool").exists());
    }

    #[test]
    fn rolling_back_restores_or_removes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alpamon.conf");
        std::fs::write(&path, "new").unwrap();
        let previous = Previous {
            bytes: b"old".to_vec(),
            config: None,
        };
        roll_back(&path, Some(&previous));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        roll_back(&path, None);
        assert!(!path.exists());
    }
}
