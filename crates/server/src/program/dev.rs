//! `alpacon-server dev`: an embedded single node for trying and for automation.
//! Its options and its ready file are a contract.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use protocol::id::{UserId, WorkspaceId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Store;
use store::audit::{Actor, AuditRecord};
use store::fleet::NewRegistrationToken;
use store::identity::NewToken;

use super::dev_tls::{self, DevTls};
use super::node::{Node, create_data_dir, open_store};
use super::superuser::{HostAccount, SuperuserSpec, create_superuser, find_or_create_workspace};
use super::{DevArguments, keys};
use crate::config::{Config, TlsConfig};
use crate::crypto::keys::Keys;
use crate::crypto::token::{self, Token, random_password};

const WORKSPACE: &str = "default";
const API_TOKEN_NAME: &str = "dev";
const REGISTRATION_TOKEN_NAME: &str = "dev";
/// Characters of the generated password.
const PASSWORD_LENGTH: usize = 20;

/// What the ready file holds.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    url: String,
    /// Null without TLS.
    ca_file: Option<PathBuf>,
    workspace: &'a str,
    superuser: Superuser<'a>,
    api_token: &'a str,
    registration_token: &'a str,
}

#[derive(Debug, Serialize)]
struct Superuser<'a> {
    username: &'a str,
    password: &'a str,
}

/// The secrets of the first start, kept so that later ones can name them too.
#[derive(Serialize, Deserialize)]
struct Credentials {
    username: String,
    password: String,
    api_token: String,
    registration_token: String,
}

pub(super) async fn run(mut config: Config, arguments: DevArguments) -> anyhow::Result<()> {
    let data = absolute(&arguments.data)?;
    create_data_dir(&data)?;
    config.server.data_dir.clone_from(&data);
    config.server.listen = arguments.listen;
    if arguments.database_url.is_some() {
        config.database.url = arguments.database_url;
    }
    let tls = match arguments.tls {
        true => Some(dev_tls::load_or_create(
            &data.join("tls"),
            arguments.listen.ip(),
        )?),
        false => None,
    };
    if let Some(DevTls {
        certificate, key, ..
    }) = &tls
    {
        config.tls = TlsConfig {
            certificate: Some(certificate.clone()),
            key: Some(key.clone()),
        };
    }
    let keys = keys(&config)?;
    let store = open_store(&config, &keys).await?;
    store
        .migrate()
        .await
        .context("the database could not be migrated")?;
    let credentials =
        credentials(&store, &keys, &data.join("dev.json"), arguments.username).await?;
    drop(store);

    let node = Node::start(config, keys).await?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let mut address = node.address;
    if address.ip().is_unspecified() {
        address.set_ip(std::net::IpAddr::from([127, 0, 0, 1]));
    }
    let ready = Ready {
        url: format!("{scheme}://{address}"),
        ca_file: tls.map(|tls| tls.ca),
        workspace: WORKSPACE,
        superuser: Superuser {
            username: &credentials.username,
            password: &credentials.password,
        },
        api_token: &credentials.api_token,
        registration_token: &credentials.registration_token,
    };
    let document = serde_json::to_vec_pretty(&ready)?;
    let ready_file = arguments.ready_file;
    node.run_with(move || match ready_file {
        Some(path) => dev_tls::write(&path, &document, 0o600),
        None => Ok(()),
    })
    .await
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot resolve {}", path.display()))
}

/// The credentials of the folder, made at its first start.
async fn credentials(
    store: &Store,
    keys: &Keys,
    path: &Path,
    username: Option<String>,
) -> anyhow::Result<Credentials> {
    let workspace = find_or_create_workspace(store, keys, WORKSPACE).await?;
    let workspace = WorkspaceId(workspace.id);
    if path.exists() {
        let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let kept: Credentials = serde_json::from_slice(&text)
            .with_context(|| format!("{} is not readable; remove it", path.display()))?;
        let known = store
            .tenant(workspace)
            .identity()
            .user_by_name(&kept.username)
            .await?;
        if known.is_some() {
            return Ok(kept);
        }
    }
    let account = OsAccount::current();
    let username = username.unwrap_or_else(|| account.name.clone());
    let credentials = Credentials {
        password: random_password(PASSWORD_LENGTH)?,
        api_token: Token::generate(token::PERSONAL)?.reveal().to_owned(),
        registration_token: Token::generate(token::REGISTRATION)?.reveal().to_owned(),
        username,
    };
    let account = if credentials.username == account.name {
        HostAccount {
            uid: Some(account.uid),
            home: account.home,
            shell: account.shell,
        }
    } else {
        HostAccount::default()
    };
    let user = create_superuser(
        store,
        workspace,
        SuperuserSpec {
            username: credentials.username.clone(),
            email: String::new(),
            password: credentials.password.clone(),
            account,
        },
    )
    .await?;
    create_tokens(store, workspace, UserId(user.id), &credentials).await?;
    dev_tls::write(path, &serde_json::to_vec_pretty(&credentials)?, 0o600)?;
    Ok(credentials)
}

/// The API token with all scopes and full-access ACLs, and the registration token.
async fn create_tokens(
    store: &Store,
    workspace: WorkspaceId,
    owner: UserId,
    credentials: &Credentials,
) -> anyhow::Result<()> {
    let unit = store.begin(workspace).await?;
    let tenant = unit.tenant();
    let api_token = tenant
        .identity()
        .create_token(NewToken {
            user: owner,
            name: API_TOKEN_NAME.to_owned(),
            key_hash: token::hash(&credentials.api_token),
            scopes: vec!["*".to_owned()],
            expires_at: None,
        })
        .await?;
    let id = protocol::id::TokenId(api_token.id);
    tenant.acl().add_command(id, "*", "*", "*").await?;
    tenant.acl().add_server(id, None).await?;
    tenant.acl().add_file(id, "*", "*", "*", "*").await?;
    tenant
        .fleet()
        .create_registration_token(NewRegistrationToken {
            name: REGISTRATION_TOKEN_NAME.to_owned(),
            key_hash: token::hash(&credentials.registration_token),
            allowed_groups: Vec::new(),
            created_by: Some(owner),
            expires_at: None,
        })
        .await?;
    unit.audit(AuditRecord {
        actor: Actor::system(),
        ip: String::new(),
        app: "auth",
        model: "apitoken",
        object_id: Some(api_token.id),
        action: "create",
        status_code: 201,
        description: "development tokens created".to_owned(),
        data: json!({"scopes": ["*"]}),
    })
    .await?;
    Ok(unit.commit().await?)
}

/// The account that runs this process.
struct OsAccount {
    name: String,
    uid: i64,
    home: String,
    shell: String,
}

impl OsAccount {
    fn current() -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let found = passwd.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [name, _, id, _, _, home, shell] = fields.as_slice() else {
                return None;
            };
            (id.parse::<u32>() == Ok(uid)).then(|| Self {
                name: (*name).to_owned(),
                uid: i64::from(uid),
                home: (*home).to_owned(),
                shell: (*shell).to_owned(),
            })
        });
        found.unwrap_or_else(|| Self {
            // A directory's user is in no file; the environment names them.
            name: std::env::var("USER").unwrap_or_else(|_| "admin".to_owned()),
            uid: i64::from(uid),
            home: std::env::var("HOME").unwrap_or_default(),
            shell: "/bin/bash".to_owned(),
        })
    }
}
