//! Answers that must not be believed: of the wrong browser, the wrong provider, or of a
//! provider that lies.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use testkit::{Api, Page, System, Visitor};
use url::Url;

use super::{PROVIDERS, is_signed_in, leave, scene, system};
use crate::accounts::create_user;
use crate::changed;
use crate::issuer::{Issuer, Key};

#[test]
fn an_answer_belongs_to_the_browser_that_asked() {
    let scene = scene();
    scene.provider("corp", &json!({"link_by_email": true}));
    scene.user("jane", "jane@example.com", &json!({}));
    // The attacker signs in at the provider, and has the victim open where it ends.
    let attacker = scene.system.visitor();
    let back = scene.idp.sign_in(&leave(&attacker, "corp", "/"), "jane");
    let back = scene.path(&back);
    let victim = scene.system.visitor();
    victim.get("/login/");
    assert_eq!(victim.get(back).status(), 400);
    assert!(!is_signed_in(&victim));
    let without_cookies = scene.system.visitor();
    assert_eq!(without_cookies.get(back).status(), 400);
    // Trying it elsewhere did not use it up.
    attacker.get(back).expect(303);
    assert!(is_signed_in(&attacker));
}

#[test]
fn an_answer_is_for_what_was_asked() {
    let scene = scene();
    scene.provider("corp", &json!({"link_by_email": true}));
    scene.provider("other", &json!({"link_by_email": true, "name": "Other"}));
    scene.user("jane", "jane@example.com", &json!({}));
    let visitor = scene.system.visitor();
    let back = scene.idp.sign_in(&leave(&visitor, "corp", "/"), "jane");
    let back = scene.path(&back).to_owned();
    let changed = |name: &str, value: Option<&str>| {
        let url = Url::parse(&format!("http://x{back}")).unwrap();
        let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        pairs.retain(|(key, _)| key != name);
        pairs.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        format!("{}?{query}", url.path())
    };
    for path in [
        changed("state", None),
        changed("state", Some("")),
        changed("state", Some("foreign")),
        changed("state", Some(&"x".repeat(5000))),
        // At the callback of another provider: a mix-up.
        back.replace("/with/corp/", "/with/other/"),
        back.replace("/with/corp/", "/with/unknown/"),
    ] {
        let answer = visitor.get(&path);
        assert!(
            matches!(answer.status(), 400 | 404),
            "{path}: {} {}",
            answer.status(),
            answer.html()
        );
        assert!(!is_signed_in(&visitor), "{path}");
    }
    // With the right state the answer is used up, whatever else is wrong with it.
    for (name, value) in [
        ("iss", Some("https://evil.example")),
        ("iss", None),
        ("code", Some("wrong")),
        ("code", None),
        ("error", Some("access_denied")),
        ("error", Some("<script>alert(1)</script>")),
    ] {
        let visitor = scene.system.visitor();
        let back = scene.idp.sign_in(&leave(&visitor, "corp", "/"), "jane");
        let back = scene.path(&back).to_owned();
        let url = Url::parse(&format!("http://x{back}")).unwrap();
        let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        pairs.retain(|(key, _)| key != name);
        pairs.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        let answer = visitor.get(&format!("{}?{query}", url.path()));
        assert_eq!(answer.status(), 403, "{name} {value:?}: {}", answer.html());
        assert!(!answer.html().contains("<script>"), "{}", answer.html());
        assert!(!is_signed_in(&visitor));
        assert_eq!(visitor.get(&back).status(), 400, "{name} is used up");
    }
}

#[test]
fn leaving_takes_the_form_of_this_site_and_comes_back_to_this_site() {
    let scene = scene();
    scene.provider("corp", &json!({"link_by_email": true}));
    scene.user("jane", "jane@example.com", &json!({}));
    let visitor = scene.system.visitor();
    let csrf = visitor.get("/login/").field("csrf");
    let path = "/login/with/corp/";
    assert!(visitor.get(path).status() >= 400);
    let fields = [("next", "/"), ("csrf", "wrong")];
    assert_eq!(visitor.post(path, &fields).status(), 403);
    let evil = [("origin", "https://evil.example")];
    let fields = [("next", "/"), ("csrf", csrf.as_str())];
    assert_eq!(visitor.post_with(path, &fields, &evil).status(), 403);
    for next in ["https://evil.example/", "//evil.example", "/\\evil.example"] {
        let visitor = scene.system.visitor();
        let back = scene.idp.sign_in(&leave(&visitor, "corp", next), "jane");
        let arrived = visitor.get(scene.path(&back)).expect(303);
        assert_eq!(arrived.location(), "/", "{next}");
    }
}

/// Makes an ID token from honest claims.
type Forge = Box<dyn FnOnce(&Issuer, Value) -> String>;

/// A provider that answers what the test says.
struct Liar {
    system: System,
    issuer: Issuer,
    visitor: Visitor,
}

impl Liar {
    fn new() -> Self {
        let system = system();
        let issuer = Issuer::start();
        let root: Api = system.api_with_password();
        create_user(&root, "jane", &json!({}));
        let body = json!({
            "slug": "liar", "issuer": issuer.url(), "client_id": "me",
            "email_domains": ["example.com"], "link_by_email": true, "mfa_values": ["mfa"],
        });
        root.post(PROVIDERS, &body).expect(201);
        Self {
            visitor: system.visitor(),
            system,
            issuer,
        }
    }

    /// One sign-in. `make` gets the honest claims.
    fn attempt(&self, make: impl FnOnce(&Issuer, Value) -> String) -> Page {
        let address = Url::parse(&leave(&self.visitor, "liar", "/")).unwrap();
        let parameter = |name: &str| {
            let found = address.query_pairs().find(|(key, _)| key == name);
            found.unwrap().1.into_owned()
        };
        assert_eq!(parameter("code_challenge_method"), "S256");
        assert_eq!(parameter("response_type"), "code");
        let time = chrono::Utc::now().timestamp();
        let claims = json!({
            "iss": self.issuer.url(), "aud": "me", "sub": "1", "nonce": parameter("nonce"),
            "iat": time, "exp": time + 300, "email": "jane@example.com",
            "email_verified": true,
        });
        let token = make(&self.issuer, claims);
        self.issuer
            .answer_token(&json!({"id_token": token, "access_token": "at"}));
        let path = format!(
            "/login/with/liar/callback/?code=c&state={}",
            parameter("state")
        );
        self.visitor.get(&path)
    }

    fn logins(&self) -> i64 {
        self.system
            .database()
            .integer("SELECT count(*) FROM logins WHERE method = 'browser'")
    }
}

#[test]
fn claims_with_characters_that_databases_refuse_sign_nobody_in() {
    let liar = Liar::new();
    for (claim, value) in [
        ("sub", json!("a\0b")),
        ("email", json!("jane\0@example.com")),
        ("email_verified", json!("true\0")),
    ] {
        let page = liar.attempt(|issuer, mut claims| {
            claims[claim] = value.clone();
            issuer.sign(&claims)
        });
        assert_eq!(page.status(), 403, "{claim} {value}");
    }
    assert_eq!(liar.logins(), 0);
}

#[test]
fn id_tokens_that_do_not_hold_sign_nobody_in() {
    let liar = Liar::new();
    let time = chrono::Utc::now().timestamp();
    let table: Vec<(&str, Value)> = vec![
        ("nonce", json!("foreign")),
        ("nonce", Value::Null),
        ("iss", json!("https://evil.example")),
        ("aud", json!("other")),
        ("aud", json!(["me", "other"])),
        ("azp", json!("other")),
        ("exp", json!(time - 3600)),
        ("iat", json!(time - 3600)),
        ("iat", json!(time + 3600)),
        ("sub", json!("")),
        ("at_hash", json!("wrong")),
        ("email_verified", json!(false)),
        ("email", json!("jane@evil.test")),
    ];
    for (claim, value) in table {
        let page = liar.attempt(|issuer, mut claims| {
            claims[claim] = value.clone();
            issuer.sign(&claims)
        });
        assert_eq!(page.status(), 403, "{claim} {value}");
    }
    let public = liar.issuer.public_bytes();
    let forgeries: Vec<(&str, Forge)> = vec![
        (
            "foreign key",
            Box::new(|_: &Issuer, claims: Value| Key::new("one").sign(&claims)),
        ),
        (
            "hmac with the public key",
            Box::new(move |_: &Issuer, claims: Value| {
                let header = jsonwebtoken::Header {
                    kid: Some("one".to_owned()),
                    ..jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256)
                };
                let key = jsonwebtoken::EncodingKey::from_secret(&public);
                jsonwebtoken::encode(&header, &claims, &key).unwrap()
            }),
        ),
        (
            "none",
            Box::new(|_: &Issuer, claims: Value| {
                let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
                format!("{}.{}.", part(json!({"alg": "none"})), part(claims))
            }),
        ),
        ("nothing", Box::new(|_: &Issuer, _: Value| String::new())),
    ];
    for (what, forge) in forgeries {
        assert_eq!(liar.attempt(forge).status(), 403, "{what}");
    }
    assert_eq!(liar.logins(), 0);
    liar.attempt(|issuer, claims| issuer.sign(&claims))
        .expect(303);
    assert_eq!(liar.logins(), 1);
}

#[test]
fn evidence_of_a_second_factor_is_what_the_settings_name() {
    let liar = Liar::new();
    let required = json!({"mfa_required": true});
    let root = liar.system.api_with_password();
    let settings = "/api/workspaces/security/-/";
    root.patch(settings, &required).expect(200);
    let goes_to = |claims: Value| {
        let page = liar.attempt(|issuer, honest| issuer.sign(&changed(honest, &claims)));
        page.expect(303).location()
    };
    for claims in [
        json!({}),
        json!({"amr": ["pwd"]}),
        json!({"acr": "high", "amr": "mfa-like"}),
        json!({"userinfo": {"amr": ["mfa"]}}),
    ] {
        assert_ne!(goes_to(claims.clone()), "/", "{claims}");
        assert_eq!(liar.logins(), 0, "{claims}");
    }
    assert_eq!(goes_to(json!({"amr": ["pwd", "mfa"]})), "/");
    assert_eq!(liar.logins(), 1);
    liar.visitor.get("/").expect(200);
}
