//! The authorization code grant with PKCE.

use serde_json::{Value, json};
use testkit::{Answer, Options, Page, System, Visitor};

use super::{bearer, claims, error, refresh, signed_in, token};

const CLIENT: &str = "alpacon-console";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn redirect_uri(system: &System) -> String {
    format!("{}/console/callback", system.url())
}

/// The address of an authorization request, with changes.
fn request(system: &System, changes: &[(&str, Option<&str>)]) -> String {
    let uri = redirect_uri(system);
    let mut fields = vec![
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", uri.as_str()),
        ("scope", "openid org:default"),
        ("state", "a state"),
        ("nonce", "a nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        fields.retain(|(field, _)| field != name);
        if let Some(value) = value {
            fields.push((name, value));
        }
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    format!("/oauth/authorize/?{query}")
}

fn decide(visitor: &Visitor, path: &str, decision: &str) -> Page {
    let page = visitor.get(path).expect(200);
    visitor.post(
        path,
        &[
            ("csrf", &page.field("csrf")),
            ("ticket", &page.field("ticket")),
            ("decision", decision),
        ],
    )
}

/// A parameter of the address that a redirect leads to.
fn parameter(location: &str, name: &str) -> String {
    let query = location.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn code(system: &System) -> String {
    let visitor = signed_in(system);
    let page = decide(&visitor, &request(system, &[]), "approve").expect(303);
    parameter(&page.location(), "code")
}

fn exchange(system: &System, code: &str, changes: &Value) -> Answer {
    let body = json!({
        "grant_type": "authorization_code",
        "client_id": CLIENT,
        "code": code,
        "redirect_uri": redirect_uri(system),
        "code_verifier": VERIFIER,
    });
    token(system, &crate::changed(body, changes))
}

#[test]
fn the_console_gets_a_code_and_exchanges_it() {
    let system = System::start();
    let visitor = signed_in(&system);
    let path = request(&system, &[]);
    let page = visitor.get(&path).expect(200);
    assert!(page.html().contains("Alpacon console"), "{}", page.html());
    let page = decide(&visitor, &path, "approve").expect(303);
    let location = page.location();
    assert!(location.starts_with(&redirect_uri(&system)), "{location}");
    assert_eq!(parameter(&location, "state"), "a state");
    assert_eq!(parameter(&location, "iss"), system.url());
    let code = parameter(&location, "code");
    let tokens = exchange(&system, &code, &json!({})).expect(200);
    let said = claims(&tokens.text_at("/id_token"));
    assert_eq!(said["nonce"], "a nonce");
    assert_eq!(said["aud"], CLIENT);
    bearer(&system, &tokens.text_at("/access_token"))
        .get("/api/auth/whoami/")
        .expect(200);
}

#[test]
fn refusing_tells_the_console() {
    let system = System::start();
    let page = decide(&signed_in(&system), &request(&system, &[]), "deny").expect(303);
    assert_eq!(parameter(&page.location(), "error"), "access_denied");
    assert_eq!(parameter(&page.location(), "code"), "");
}

#[test]
fn codes_go_nowhere_else() {
    let system = System::start();
    let own = redirect_uri(&system);
    let visitor = signed_in(&system);
    for wrong in [
        "https://evil.example/console/callback".to_owned(),
        format!("{own}/"),
        format!("{own}?x=1"),
        format!("{own}#x"),
        format!("{own}/../evil"),
        own.to_uppercase(),
        own.replace("http://", "http://user@"),
        own.replace("127.0.0.1", "127.0.0.1.evil.example"),
        "javascript:alert(1)".to_owned(),
        String::new(),
    ] {
        let path = request(&system, &[("redirect_uri", Some(&wrong))]);
        let page = visitor.get(&path).expect(400);
        assert_eq!(page.location(), "", "{wrong}");
    }
    for client in ["alpacon-cli", "other", ""] {
        let path = request(&system, &[("client_id", Some(client))]);
        visitor.get(&path).expect(400);
    }
    visitor
        .get(&request(&system, &[("redirect_uri", None)]))
        .expect(400);
    // The same parameter twice: the two sides could read different ones.
    let twice = format!(
        "{}&redirect_uri=https://evil.example/",
        request(&system, &[])
    );
    visitor.get(&twice).expect(400);
}

#[test]
fn requests_without_state_or_proof_are_refused() {
    let system = System::start();
    let visitor = signed_in(&system);
    for (changes, expected) in [
        (vec![("state", None)], "invalid_request"),
        (vec![("code_challenge", None)], "invalid_request"),
        (vec![("code_challenge_method", None)], "invalid_request"),
        (
            vec![("code_challenge_method", Some("plain"))],
            "invalid_request",
        ),
        (vec![("code_challenge", Some("short"))], "invalid_request"),
        (
            vec![("response_type", Some("token"))],
            "unsupported_response_type",
        ),
        (
            vec![("response_type", Some("code id_token"))],
            "unsupported_response_type",
        ),
        (vec![("scope", Some("org:other"))], "invalid_scope"),
        (vec![("prompt", Some("none"))], "interaction_required"),
    ] {
        let page = visitor.get(&request(&system, &changes)).expect(303);
        assert_eq!(
            parameter(&page.location(), "error"),
            expected,
            "{changes:?}"
        );
    }
}

#[test]
fn a_code_without_its_proof_is_void() {
    let system = System::start();
    for changes in [
        json!({"code_verifier": ""}),
        json!({"code_verifier": CHALLENGE}),
        json!({"code_verifier": "x".repeat(43)}),
        json!({"redirect_uri": ""}),
        json!({"redirect_uri": "https://evil.example/"}),
    ] {
        let code = code(&system);
        let answer = exchange(&system, &code, &changes).expect(400);
        assert_eq!(error(&answer), "invalid_grant", "{changes}");
        // Somebody else had it: it is void for its owner too.
        assert_eq!(
            error(&exchange(&system, &code, &json!({}))),
            "invalid_grant"
        );
    }
    let other = exchange(
        &system,
        &code(&system),
        &json!({"client_id": "alpacon-cli"}),
    );
    assert_eq!(error(&other), "unauthorized_client");
}

#[test]
fn a_code_that_is_used_twice_ends_what_it_gave() {
    let system = System::start();
    let code = code(&system);
    let tokens = exchange(&system, &code, &json!({})).expect(200);
    let api = bearer(&system, &tokens.text_at("/access_token"));
    api.get("/api/status/").expect(200);
    assert_eq!(
        error(&exchange(&system, &code, &json!({}))),
        "invalid_grant"
    );
    api.get("/api/status/").expect(401);
    let again = refresh(&system, CLIENT, &tokens.text_at("/refresh_token"));
    assert_eq!(error(&again), "invalid_grant");
}

#[test]
fn an_expired_code_is_refused() {
    let system = System::start();
    let code = code(&system);
    system
        .database()
        .execute("UPDATE authorization_codes SET expires_at = '2001-01-01 00:00:00+00:00'");
    assert_eq!(
        error(&exchange(&system, &code, &json!({}))),
        "invalid_grant"
    );
}

#[test]
fn a_spent_refresh_token_ends_the_login() {
    let system = System::start();
    let tokens = exchange(&system, &code(&system), &json!({})).expect(200);
    let first = tokens.text_at("/refresh_token");
    let renewed = refresh(&system, CLIENT, &first).expect(200);
    let second = renewed.text_at("/refresh_token");
    assert_ne!(first, second);
    assert_eq!(error(&refresh(&system, CLIENT, &first)), "invalid_grant");
    assert_eq!(error(&refresh(&system, CLIENT, &second)), "invalid_grant");
    bearer(&system, &renewed.text_at("/access_token"))
        .get("/api/status/")
        .expect(401);
}

#[test]
fn consent_is_for_the_request_that_was_seen() {
    let system = System::start();
    let visitor = signed_in(&system);
    let seen = request(&system, &[]);
    let page = visitor.get(&seen).expect(200);
    let other = request(&system, &[("state", Some("another"))]);
    let fields = [
        ("csrf", page.field("csrf")),
        ("ticket", page.field("ticket")),
        ("decision", "approve".to_owned()),
    ];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
    visitor.post(&other, &fields).expect(403);
    system.visitor().get(&seen).expect(303);
    visitor.post(&seen, &fields[..1]).expect(400);
    visitor
        .post_with(&seen, &fields, &[("origin", "https://evil.example")])
        .expect(403);
    visitor.post(&seen, &fields).expect(303);
}

#[test]
fn the_console_signs_in_with_a_browser() {
    let system = System::with(&Options {
        tls: true,
        ..Options::default()
    });
    let browser = system.browser();
    let uri = format!("{}/console/callback", system.browser_url());
    let path = request(&system, &[("redirect_uri", Some(&uri))]);
    browser.open(&path);
    browser.fill("username", &system.ready().superuser.username);
    browser.fill("password", &system.ready().superuser.password);
    browser.click("Sign in");
    browser.shows("Continue to the Alpacon console?");
    browser.click("Continue");
    browser.arrives_at("/console/callback?code=alpac-");
}
