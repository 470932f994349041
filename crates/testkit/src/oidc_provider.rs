//! A real OpenID Connect provider: npm's `oidc-provider` under node.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Api, Credential, OrFail, Page, Visitor, eventually};

const SCRIPT: &str = include_str!("oidc_provider.mjs");
/// The last version that runs on the node of Debian 12.
const PACKAGE: &str = "oidc-provider@8.8.1";

/// A provider with the clients `confidential` and `public`. Dropping it stops
/// it.
#[derive(Debug)]
pub struct OidcProvider {
    child: Child,
    issuer: String,
    folder: TempDir,
}

impl OidcProvider {
    /// Secret of the client `confidential`, with all that must be encoded on the way.
    pub const SECRET: &str = "a client secret: %&+ =";

    /// Starts one on a free port that sends people back to `redirects` only. Needs `node`
    /// and `npm`; the package is fetched once.
    #[track_caller]
    #[must_use]
    pub fn start(redirects: &[String], accounts: &Value) -> Self {
        let module = install();
        let folder = tempfile::Builder::new()
            .prefix("alpacon-oidc-")
            .tempdir()
            .or_fail("make a folder");
        let path = folder.path();
        let script = path.join("provider.mjs");
        fs::write(&script, SCRIPT).or_fail("write the provider");
        write_accounts(path, accounts);
        let log = fs::File::create(path.join("log")).or_fail("open a log");
        let mut child = Command::new("node")
            .arg(&script)
            .args([path, &module])
            .args(redirects)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .or_fail("run node");
        let issuer = eventually("the identity provider listens", || {
            if let Ok(Some(status)) = child.try_wait() {
                let log = fs::read_to_string(path.join("log")).unwrap_or_default();
                panic!("the identity provider ended ({status})\n{log}");
            }
            fs::read_to_string(path.join("issuer")).ok()
        });
        Self {
            child,
            issuer,
            folder,
        }
    }

    /// Its address, the claim `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Who may sign in from now on: names to claims.
    pub fn set_accounts(&self, accounts: &Value) {
        write_accounts(self.folder.path(), accounts);
    }

    /// Somebody in front of a browser of their own.
    #[must_use]
    pub fn visitor(&self) -> Visitor {
        Visitor::new(Api::new(&self.issuer, None, Credential::None).seeing_redirects())
    }

    /// Signs `login` in where an authorization request leads, and gives the address that
    /// the browser is sent back to.
    #[track_caller]
    #[must_use]
    pub fn sign_in(&self, address: &str, login: &str) -> String {
        let visitor = self.visitor();
        let mut page = visitor.get(self.path(address));
        // Signing in, consent, and the redirects between them.
        for _ in 0..10 {
            let location = page.location();
            if location.is_empty() {
                page = self.answer(&visitor, &page, login);
            } else if location.starts_with('/') || location.starts_with(&self.issuer) {
                page = visitor.get(self.path(&location));
            } else {
                return location;
            }
        }
        panic!("the identity provider did not finish: {}", page.html());
    }

    #[track_caller]
    fn answer(&self, visitor: &Visitor, page: &Page, login: &str) -> Page {
        let html = page.html();
        let action = html
            .split("action=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let Some(action) = action else {
            panic!("no form in what the identity provider answered: {html}");
        };
        let path = self.path(action);
        match html.contains("name=\"login\"") {
            true => {
                let fields = [("prompt", "login"), ("login", login), ("password", "any")];
                visitor.post(path, &fields)
            }
            false => visitor.post(path, &[("prompt", "consent")]),
        }
    }

    fn path<'a>(&self, address: &'a str) -> &'a str {
        address.strip_prefix(&self.issuer).unwrap_or(address)
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn write_accounts(folder: &Path, accounts: &Value) {
    let (path, new) = (folder.join("accounts.json"), folder.join("accounts.new"));
    fs::write(&new, accounts.to_string()).or_fail("write accounts");
    fs::rename(new, path).or_fail("write accounts");
}

/// The package's module, fetched with npm into the build folder when it is not there.
#[track_caller]
fn install() -> PathBuf {
    let executable = std::env::current_exe().or_fail("find this test");
    let target = executable
        .ancestors()
        .nth(3)
        .or_fail("find the build folder");
    let folder = target.join("npm").join(PACKAGE);
    let module = folder.join("node_modules/oidc-provider/lib/index.js");
    let complete = folder.join("complete");
    fs::create_dir_all(&folder).or_fail("make a folder");
    // One test fetches, the others wait.
    let lock = fs::File::create(folder.join("lock")).or_fail("open a lock");
    lock.lock().or_fail("take a lock");
    if complete.exists() {
        return module;
    }
    let fetched = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts"])
        .args(["--save-exact", "--prefix"])
        .arg(&folder)
        .arg(PACKAGE)
        .output()
        .or_fail("run npm; is it installed? apt-get install nodejs npm");
    assert!(
        fetched.status.success(),
        "npm could not fetch {PACKAGE}: {}",
        String::from_utf8_lossy(&fetched.stderr)
    );
    fs::write(complete, "").or_fail("note that it is complete");
    module
}
