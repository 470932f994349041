//! A real Chromium, driven through chromedriver.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use programs::Daemon;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::runtime::block_on;
use crate::{OrFail, eventually, patience};

/// What to do where there is no browser.
const ADVICE: &str = "these tests need Chromium: apt-get install chromium chromium-driver";
/// Width and height of a window on a desk, and of a phone.
const DESK: (u32, u32) = (1024, 900);
const PHONE: (u32, u32) = (390, 844);

/// A browser with a profile of its own. Everything fails the test when it does not
/// work; whatever a page should show is waited for.
pub struct Browser {
    // Before the driver: closing needs it.
    client: Mutex<Option<Client>>,
    base: String,
    _driver: Daemon,
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl Browser {
    /// Starts a browser for the site at `base`, whose certificate, if it has one,
    /// belongs to the private key in the file `key`.
    #[track_caller]
    pub(crate) fn start(base: &str, profile: &Path, key: Option<&PathBuf>) -> Self {
        std::fs::create_dir_all(profile).or_fail("make a folder for the browser");
        let log = profile.join("driver.log");
        let mut command = Command::new("chromedriver");
        command.arg("--port=0");
        // What it writes outside its profile goes there too.
        command.env("HOME", profile).env("TMPDIR", profile);
        let mut driver = match Daemon::start("chromedriver", command, &log) {
            Ok(driver) => driver,
            Err(error) => panic!("cannot start chromedriver: {error}; {ADVICE}"),
        };
        let port = driver.wait_until(patience(), || {
            let text = std::fs::read_to_string(&log).ok()?;
            let (_, rest) = text.split_once("started successfully on port ")?;
            rest.split('.').next()?.trim().parse::<u16>().ok()
        });
        let port = match port {
            Ok(port) => port,
            Err(error) => panic!("chromedriver does not start: {error}; {ADVICE}"),
        };
        let capabilities = capabilities(key.map(|key| spki_hash(key)));
        let client = block_on("start Chromium", async {
            ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities)
                .connect(&format!("http://127.0.0.1:{port}"))
                .await
        });
        let client = match client {
            Ok(client) => client,
            Err(error) => panic!("cannot start Chromium: {error}; {ADVICE}"),
        };
        let browser = Self {
            client: Mutex::new(Some(client)),
            base: base.to_owned(),
            _driver: driver,
        };
        browser.resize(DESK);
        browser
    }

    /// Opens a path of the site, or any whole URL.
    #[track_caller]
    pub fn open(&self, path: &str) {
        let url = match path.starts_with('/') {
            true => format!("{}{path}", self.base),
            false => path.to_owned(),
        };
        let client = self.client();
        block_on(&format!("open {url}"), client.goto(&url)).or_fail("open a page");
    }

    /// Puts `text` into the field `name`, in the place of what is there.
    #[track_caller]
    pub fn fill(&self, name: &str, text: &str) {
        let field = self.find(&format!("[name=\"{name}\"]:not([type=\"hidden\"])"));
        block_on(&format!("fill {name}"), async {
            field.clear().await?;
            field.send_keys(text).await
        })
        .or_fail("fill a field");
    }

    /// Presses the button or link with this text, and waits for what comes.
    #[track_caller]
    pub fn click(&self, label: &str) {
        let path = format!("//*[self::button or self::a][normalize-space()='{label}']");
        let what = format!("a button or link {label:?}");
        let client = self.client();
        let element = eventually(&what, || {
            block_on(&what, client.find(Locator::XPath(&path))).ok()
        });
        block_on(&format!("click {label:?}"), element.click()).or_fail("click");
    }

    /// Presses what a CSS selector finds.
    #[track_caller]
    pub fn click_at(&self, selector: &str) {
        let element = self.find(selector);
        block_on(&format!("click {selector}"), element.click()).or_fail("click");
    }

    /// Waits until the page shows `text`.
    #[track_caller]
    pub fn shows(&self, text: &str) {
        eventually(&format!("the page shows {text:?}"), || {
            self.visible_text()?.contains(text).then_some(())
        });
    }

    /// The text that the page shows.
    #[track_caller]
    #[must_use]
    pub fn text(&self) -> String {
        eventually("the page has text", || self.visible_text())
    }

    fn visible_text(&self) -> Option<String> {
        let client = self.client();
        block_on("read the page", async {
            client.find(Locator::Css("body")).await?.text().await
        })
        .ok()
    }

    /// The text of what a CSS selector finds.
    #[track_caller]
    #[must_use]
    pub fn text_of(&self, selector: &str) -> String {
        let element = self.find(selector);
        block_on(&format!("read {selector}"), element.text()).or_fail("read an element")
    }

    /// The address that the browser shows.
    #[track_caller]
    #[must_use]
    pub fn url(&self) -> String {
        let client = self.client();
        block_on("read the address", client.current_url())
            .or_fail("read the address")
            .to_string()
    }

    /// Waits until the address contains `part`.
    #[track_caller]
    pub fn arrives_at(&self, part: &str) {
        eventually(&format!("the browser arrives at {part}"), || {
            self.url().contains(part).then_some(())
        });
    }

    /// Cookies of the site: name, value, and whether scripts may not read it.
    #[track_caller]
    #[must_use]
    pub fn cookies(&self) -> Vec<(String, String, bool)> {
        let client = self.client();
        block_on("read the cookies", client.get_all_cookies())
            .or_fail("read the cookies")
            .iter()
            .map(|cookie| {
                (
                    cookie.name().to_owned(),
                    cookie.value().to_owned(),
                    cookie.http_only().unwrap_or(false),
                )
            })
            .collect()
    }

    /// Runs a script in the page and gives what it returns.
    #[track_caller]
    pub fn script(&self, script: &str) -> Value {
        let client = self.client();
        block_on("run a script", client.execute(script, Vec::new())).or_fail("run a script")
    }

    /// Writes a picture of the page (PNG) to `path`.
    #[track_caller]
    pub fn screenshot(&self, path: &Path) {
        let client = self.client();
        let picture = block_on("take a picture", client.screenshot()).or_fail("take a picture");
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).or_fail("make a folder");
        }
        std::fs::write(path, picture).or_fail("write a picture");
    }

    /// Writes pictures of the page on a desk and on a phone, light and dark, to
    /// `folder` as `<name>-<size>-<scheme>.png`.
    #[track_caller]
    pub fn screenshots(&self, folder: &Path, name: &str) {
        for (size_name, size) in [("desk", DESK), ("phone", PHONE)] {
            self.resize(size);
            for scheme in ["light", "dark"] {
                self.color_scheme(scheme);
                self.screenshot(&folder.join(format!("{name}-{size_name}-{scheme}.png")));
            }
        }
        self.color_scheme("light");
        self.resize(DESK);
    }

    /// Shows pages as on a phone.
    #[track_caller]
    pub fn phone(&self) {
        self.resize(PHONE);
    }

    /// Shows pages as on a desk.
    #[track_caller]
    pub fn desk(&self) {
        self.resize(DESK);
    }

    /// Shows pages in dark colours.
    #[track_caller]
    pub fn dark(&self) {
        self.color_scheme("dark");
    }

    fn color_scheme(&self, scheme: &str) {
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}),
        );
    }

    fn resize(&self, (width, height): (u32, u32)) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}),
        );
    }

    /// A command of the DevTools protocol.
    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "it is made for the call")]
    pub fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.command(
            http::Method::POST,
            "goog/cdp/execute",
            Some(json!({"cmd": command, "params": parameters})),
        )
    }

    /// A virtual authenticator with user verification and passkeys; gives its id.
    #[track_caller]
    pub fn add_authenticator(&self) -> String {
        let answer = self.command(
            http::Method::POST,
            "webauthn/authenticator",
            Some(json!({
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": true,
                "hasUserVerification": true,
                "isUserVerified": true,
                "isUserConsenting": true,
            })),
        );
        answer
            .as_str()
            .or_fail("read the authenticator's id")
            .to_owned()
    }

    /// Credentials that a virtual authenticator holds.
    #[track_caller]
    #[must_use]
    pub fn credentials(&self, authenticator: &str) -> Value {
        let path = format!("webauthn/authenticator/{authenticator}/credentials");
        self.command(http::Method::GET, &path, None)
    }

    /// Any command of WebDriver below the session, also those without a method here.
    #[track_caller]
    pub fn command(&self, method: http::Method, path: &str, body: Option<Value>) -> Value {
        let client = self.client();
        let command = Raw {
            method,
            path: path.to_owned(),
            body,
        };
        block_on(path, client.issue_cmd(command)).or_fail(&format!("drive the browser: {path}"))
    }

    #[track_caller]
    fn find(&self, selector: &str) -> Element {
        let client = self.client();
        let what = format!("the page has {selector}");
        eventually(&what, || {
            block_on(&what, client.find(Locator::Css(selector))).ok()
        })
    }

    fn client(&self) -> Client {
        self.client
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
            .or_fail("use a closed browser")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let client = self
            .client
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        let Some(client) = client else { return };
        if std::thread::panicking() {
            self.report(&client);
        }
        // It goes with its driver; asking first lets it clean up.
        let _closed: Result<(), CmdError> = block_on("close the browser", client.close());
    }
}

impl Browser {
    /// Shows what a failing test left on the screen.
    fn report(&self, client: &Client) {
        let seen = block_on("look at the browser", async {
            let url = client.current_url().await?;
            let text = client.find(Locator::Css("body")).await?.text().await?;
            Ok::<_, CmdError>((url, text))
        });
        match seen {
            Ok((url, text)) => eprintln!("--- the browser of {} is at {url}:\n{text}", self.base),
            Err(error) => eprintln!("--- the browser of {} is gone: {error}", self.base),
        }
    }
}

fn capabilities(certificate: Option<String>) -> Capabilities {
    let mut arguments = vec![
        "--headless=new".to_owned(),
        // Tests run as root in containers, where the sandbox cannot be set up.
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-extensions".to_owned(),
        "--disable-background-networking".to_owned(),
        "--no-first-run".to_owned(),
    ];
    if let Some(hash) = certificate {
        // Trusts this one key. Ignoring all errors would take passkeys away.
        arguments.push(format!("--ignore-certificate-errors-spki-list={hash}"));
    }
    let mut capabilities = Capabilities::new();
    capabilities.insert("browserName".to_owned(), json!("chrome"));
    capabilities.insert("webauthn:virtualAuthenticators".to_owned(), json!(true));
    capabilities.insert("goog:chromeOptions".to_owned(), json!({"args": arguments}));
    capabilities
}

/// Base64 of the SHA-256 of the public key that belongs to a private key in PEM.
fn spki_hash(key: &Path) -> String {
    use base64::Engine as _;
    use rcgen::PublicKeyData as _;
    let pem = std::fs::read_to_string(key).or_fail("read the server's key");
    let pair = rcgen::KeyPair::from_pem(&pem).or_fail("read the server's key");
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(pair.subject_public_key_info()))
}

#[derive(Debug)]
struct Raw {
    method: http::Method,
    path: String,
    body: Option<Value>,
}

impl WebDriverCompatibleCommand for Raw {
    fn endpoint(
        &self,
        base_url: &url::Url,
        session_id: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        let session = session_id.unwrap_or_default();
        base_url.join(&format!("session/{session}/{}", self.path))
    }

    fn method_and_body(&self, _request_url: &url::Url) -> (http::Method, Option<String>) {
        (
            self.method.clone(),
            self.body.as_ref().map(Value::to_string),
        )
    }
}
