//! Sign-in with identity providers: who gets in as whom, and the ways in that must stay
//! shut.

mod attacks;
mod browser;
mod rules;

use serde_json::{Value, json};
use testkit::{Api, OidcProvider, Page, System, Visitor};

use crate::accounts::create_user;
use crate::issuer::system;
use crate::{changed, id};

const PROVIDERS: &str = "/api/auth/identity-providers/";

struct Scene {
    system: System,
    root: Api,
    idp: OidcProvider,
}

fn callback(base: &str, slug: &str) -> String {
    format!("{base}/login/with/{slug}/callback/")
}

fn scene() -> Scene {
    let system = system();
    let accounts = json!({
        "jane": {"email": "Jane@Example.com", "email_verified": true, "given_name": "Jane",
                 "family_name": "Doe", "groups": ["sre"]},
        "eve": {"email": "jane@example.com", "email_verified": false},
        "mallory": {"email": "mallory@evil.test", "email_verified": true},
    });
    let redirects: Vec<String> = ["corp", "other"]
        .into_iter()
        .flat_map(|slug| {
            [system.url().to_owned(), system.browser_url()].map(|base| callback(&base, slug))
        })
        .collect();
    Scene {
        root: system.api_with_password(),
        idp: OidcProvider::start(&redirects, &accounts),
        system,
    }
}

impl Scene {
    /// A provider of people of example.com, with more settings.
    #[track_caller]
    fn provider(&self, slug: &str, more: &Value) -> String {
        let body = json!({
            "slug": slug, "name": "Corp", "issuer": self.idp.issuer(),
            "client_id": "confidential", "client_secret": OidcProvider::SECRET,
            "scopes": ["email", "profile", "groups"], "email_domains": ["example.com"],
        });
        let body = changed(body, more);
        let created = self.root.post(PROVIDERS, &body).expect(201).json();
        assert!(!created.to_string().contains("client secret"), "{created}");
        id(&created)
    }

    /// A user with an address, and the id of it.
    #[track_caller]
    fn user(&self, name: &str, email: &str, more: &Value) -> String {
        create_user(&self.root, name, &changed(json!({"email": email}), more))
    }

    /// Signs in at the provider and comes back.
    #[track_caller]
    fn come_back(&self, visitor: &Visitor, slug: &str, login: &str) -> Page {
        let address = leave(visitor, slug, "/");
        let back = self.idp.sign_in(&address, login);
        visitor.get(self.path(&back))
    }

    fn path<'a>(&self, address: &'a str) -> &'a str {
        address
            .strip_prefix(self.system.url())
            .unwrap_or_else(|| panic!("{address} leads elsewhere"))
    }

    fn users(&self) -> i64 {
        self.system.database().integer("SELECT count(*) FROM users")
    }

    fn logins(&self) -> i64 {
        self.system
            .database()
            .integer("SELECT count(*) FROM logins WHERE method = 'browser'")
    }

    fn links(&self) -> i64 {
        self.system
            .database()
            .integer("SELECT count(*) FROM federated_identities")
    }
}

/// Goes to the provider and gives the address there.
#[track_caller]
fn leave(visitor: &Visitor, slug: &str, next: &str) -> String {
    let csrf = visitor.get("/login/").field("csrf");
    let page = visitor.post(
        &format!("/login/with/{slug}/"),
        &[("csrf", &csrf), ("next", next)],
    );
    let html = page.expect(200).html();
    let address = html
        .split("id=\"continue\" href=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_else(|| panic!("no way on in {html}"));
    address.replace("&#38;", "&").replace("&amp;", "&")
}

/// Who is signed in, by the page of those who are.
fn is_signed_in(visitor: &Visitor) -> bool {
    visitor.get("/").html().contains("Sign out")
}

#[test]
fn a_linked_person_signs_in_and_goes_on_where_they_wanted() {
    let scene = scene();
    let provider = scene.provider("corp", &json!({}));
    let jane = scene.user("jane", "other@nowhere.test", &json!({}));
    let link = format!("{PROVIDERS}{provider}/identities/");
    let body = json!({"subject": "jane", "user": jane});
    scene.root.post(&link, &body).expect(201);
    scene.root.post(&link, &body).expect(409);

    let visitor = scene.system.visitor();
    let shown = visitor.get("/login/?next=/device/").html();
    assert!(shown.contains("Sign in with Corp"), "{shown}");
    let address = leave(&visitor, "corp", "/device/");
    let back = scene.idp.sign_in(&address, "jane");
    let arrived = visitor.get(scene.path(&back)).expect(303);
    assert_eq!(arrived.location(), "/device/");
    assert!(is_signed_in(&visitor));
    assert!(visitor.get("/").html().contains("jane"));
    // Nothing is left to be used again.
    let again = visitor.get(scene.path(&back));
    assert_eq!(again.status(), 400, "{}", again.html());

    let listed = scene.root.get(&link).json();
    assert_eq!(listed["results"][0]["email"], "Jane@Example.com");
    assert!(listed["results"][0]["last_login_at"].is_string());
    let record = scene.root.get("/api/audit/activity/?page_size=100").json();
    assert!(record.to_string().contains("oidc:corp"), "{record}");

    // A link removed is a way shut.
    let row = format!("{link}{}/", id(&listed["results"][0]));
    scene.root.delete(&row).expect(204);
    let visitor = scene.system.visitor();
    let refused = scene.come_back(&visitor, "corp", "jane");
    assert_eq!(refused.status(), 403, "{}", refused.html());
    assert!(!is_signed_in(&visitor));
}

#[test]
fn a_public_client_has_its_proof_key_alone() {
    let scene = scene();
    let more = json!({"client_id": "public", "client_secret": "", "link_by_email": true});
    scene.provider("corp", &more);
    scene.user("jane", "jane@example.com", &json!({}));
    let visitor = scene.system.visitor();
    let arrived = scene.come_back(&visitor, "corp", "jane");
    assert!(is_signed_in(&visitor), "{}", arrived.html());
}
