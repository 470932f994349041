//! Second factors: what works, and every way around them that must not.

mod admin;
mod chromium;
mod enrolment;
mod passkeys;
mod policy;
mod sign_in;
mod step_up;
mod sudo;

use serde_json::{Value, json};
use testkit::{Api, AuthenticatorApp, Credential, Page, SoftPasskey, System, Visitor};

use crate::accounts::{LOGIN, PASSWORD, create_user, login};

const SECURITY_SETTINGS: &str = "/api/workspaces/security/-/";
const SECOND_FACTOR: &str = "/login/second-factor/";
const NEW_PASSWORD: &str = "/login/new-password/";
const ENROL: &str = "/login/enrol/";
const PASSKEY_SIGN_IN: &str = "/login/passkey/";
const SECURITY: &str = "/account/security/";
const CONFIRM: &str = "/account/security/confirm/";
const AUTHENTICATOR: &str = "/account/security/authenticator/";
const PASSKEYS: &str = "/account/security/passkeys/";
const RECOVERY_CODES: &str = "/account/security/recovery-codes/";
const CHANGE_PASSWORD: &str = "/account/security/password/";

struct Scene {
    system: System,
    /// The first superuser, logged in with a password.
    root: Api,
}

fn scene() -> Scene {
    let system = System::start();
    let root = system.api_with_password();
    Scene { system, root }
}

impl Scene {
    /// Creates a user and gives their id.
    #[track_caller]
    fn person(&self, name: &str, more: &Value) -> String {
        create_user(&self.root, name, more)
    }

    /// A browser in front of which `name` proved the password.
    #[track_caller]
    fn with_password(&self, name: &str) -> Visitor {
        let visitor = self.system.visitor_by_name();
        visitor.sign_in(name, PASSWORD, "/").expect(303);
        visitor
    }

    /// The same with an authenticator app, all signed in.
    #[track_caller]
    fn with_app(&self, name: &str) -> (Visitor, AuthenticatorApp) {
        let visitor = self.with_password(name);
        let app = enrol_app(&visitor);
        self.forget_steps();
        (visitor, app)
    }

    #[track_caller]
    fn change_security(&self, change: &Value) {
        self.root.patch(SECURITY_SETTINGS, change).expect(200);
    }

    /// As if every code of every app were new.
    fn forget_steps(&self) {
        self.system
            .database()
            .execute("UPDATE mfa_factors SET last_step = 0");
    }

    /// As if nobody had proved anything for long.
    fn let_proofs_age(&self) {
        self.system.database().execute(
            "UPDATE logins SET added_at = '2001-01-01 00:00:00+00:00', \
             factors = '{\"totp\": \"2001-01-01T00:00:00Z\", \
             \"password\": \"2001-01-01T00:00:00Z\"}'",
        );
    }

    fn log_in(&self, name: &str, otp: &str) -> testkit::Answer {
        let mut body = login(name, PASSWORD);
        if !otp.is_empty() {
            body["otp"] = json!(otp);
        }
        self.system.anonymous().post(LOGIN, &body)
    }

    #[track_caller]
    fn api_of(&self, name: &str, otp: &str) -> Api {
        let token = self.log_in(name, otp).expect(200).text_at("/token");
        self.system.anonymous().as_caller(Credential::Token(token))
    }

    /// Descriptions of the audit trail, the latest first.
    fn audit(&self) -> String {
        let page = self.system.api().get("/api/audit/activity/?page_size=100");
        page.expect(200).text()
    }
}

/// Sends a form of the page at `path`, with its token.
#[track_caller]
fn send(visitor: &Visitor, path: &str, fields: &[(&str, &str)]) -> Page {
    let csrf = csrf_of(visitor);
    let mut all = vec![("csrf", csrf.as_str())];
    all.extend(fields);
    visitor.post(path, &all)
}

/// The token of this browser's forms: of whatever page shows one.
#[track_caller]
fn csrf_of(visitor: &Visitor) -> String {
    let page = visitor.get(SECURITY);
    if page.status() == 200 {
        return page.field("csrf");
    }
    visitor.get("/login/").expect(200).field("csrf")
}

/// Sets up an app in a browser that may.
#[track_caller]
fn enrol_app(visitor: &Visitor) -> AuthenticatorApp {
    let page = visitor.get(AUTHENTICATOR).expect(200);
    let app = AuthenticatorApp::new(&page.between("class=\"seed\">", "<"));
    send(visitor, AUTHENTICATOR, &[("code", &app.code())]).expect(303);
    app
}

/// Registers a passkey in a browser that may.
#[track_caller]
fn enrol_passkey(visitor: &Visitor, origin: &str) -> SoftPasskey {
    let mut passkey = SoftPasskey::new(origin);
    let options = options(&visitor.get(PASSKEYS).expect(200));
    let answer = passkey.register(&options);
    send(visitor, PASSKEYS, &[("answer", &answer)]).expect(303);
    passkey
}

/// What a page asks the browser's passkeys.
#[track_caller]
fn options(page: &Page) -> Value {
    serde_json::from_str(&page.attribute("data-options")).expect("the page asks for a passkey")
}

/// Makes recovery codes and gives them.
#[track_caller]
fn recovery_codes(visitor: &Visitor) -> Vec<String> {
    let html = send(visitor, RECOVERY_CODES, &[]).expect(200).html();
    html.split("<li><code>")
        .skip(1)
        .filter_map(|item| item.split('<').next())
        .map(str::to_owned)
        .collect()
}

#[track_caller]
fn is_signed_in(visitor: &Visitor) -> bool {
    visitor.get("/").status() == 200
}
