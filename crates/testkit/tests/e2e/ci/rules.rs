//! Who may make rules, and which rules cannot be made.

use serde_json::{Value, json};

use super::{AUDIENCE, RULES, scene};

#[test]
fn rules_that_trust_too_much_cannot_be_made() {
    let scene = scene();
    let base = json!({
        "name": "r", "service_token": scene.token, "issuer": scene.issuer.url(),
        "audience": AUDIENCE, "conditions": {"repository": ["acme/app"]},
    });
    let github = "https://token.actions.githubusercontent.com";
    let table: Vec<(&str, Value)> = vec![
        ("name", json!("")),
        ("name", json!("a b")),
        ("issuer", json!("")),
        ("issuer", json!("http://ci.example.com")),
        ("issuer", json!("https://10.0.0.1")),
        ("issuer", json!("https://169.254.169.254/latest")),
        ("issuer", json!("https://[::1]/")),
        ("issuer", json!("file:///etc/passwd")),
        ("issuer", json!("https://user:pass@ci.example.com")),
        ("conditions", json!({})),
        ("conditions", json!({"repository": []})),
        ("conditions", json!({"repository": ["**"]})),
        ("conditions", json!({"iss": ["x"]})),
        ("conditions", json!({"repository": "acme/app"})),
        ("ttl", json!(59)),
        ("ttl", json!(3601)),
        ("ttl", json!(-1)),
        (
            "service_token",
            json!("01890000-0000-7000-8000-000000000000"),
        ),
    ];
    for (field, value) in table {
        let mut body = base.clone();
        body[field] = value.clone();
        let answer = scene.root.post(RULES, &body);
        assert_eq!(answer.status, 400, "{field} {value}: {}", answer.text());
    }
    for conditions in [
        json!({"ref": ["refs/heads/main"]}),
        json!({"repository": ["acme*"]}),
        json!({"sub": ["repo:**"]}),
    ] {
        let mut body = base.clone();
        body["issuer"] = json!(github);
        body["conditions"] = conditions.clone();
        let answer = scene.root.post(RULES, &body);
        assert_eq!(answer.status, 400, "{conditions}: {}", answer.text());
    }
    assert_eq!(scene.issuer.requests(), 0, "making a rule asks nobody");
    scene.root.post(RULES, &base).expect(201);
    scene.root.post(RULES, &base).expect(409);
}

#[test]
fn a_change_is_checked_like_a_new_rule_and_keeps_what_it_is_about() {
    let scene = scene();
    let path = format!("{RULES}{}/", scene.trust_main());
    for body in [
        json!({"conditions": {}}),
        json!({"conditions": {"repository": ["*"]}}),
        json!({"ttl": 100_000}),
        json!({"name": "a/b"}),
        json!({"enabled": "no"}),
    ] {
        let answer = scene.root.patch(&path, &body);
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
    }
    let mut document = scene.root.get(&path).expect(200).json();
    document["issuer"] = json!("https://evil.example");
    document["service_token"] = json!(scene.application);
    document["ttl"] = json!(300);
    let changed = scene.root.patch(&path, &document).expect(200).json();
    assert_eq!(changed["issuer"], scene.issuer.url());
    assert_eq!(changed["service_token"], scene.token);
    assert_eq!(changed["ttl"], 300);
}

#[test]
fn only_superusers_with_a_login_make_rules() {
    let scene = scene();
    let rule = scene.trust_main();
    let job = scene.job();
    for api in [&scene.system.api(), &job] {
        api.get(RULES).expect(403);
        api.post(RULES, &json!({"name": "x"})).expect(403);
        let path = format!("{RULES}{rule}/");
        api.patch(&path, &json!({"enabled": false})).expect(403);
        api.delete(&path).expect(403);
    }
    scene.system.anonymous().get(RULES).expect(401);
    // Nor can a rule give what was given to a job.
    let issued = format!("/api/auth/service-tokens/?issued_from={}", scene.token);
    let issued = scene.root.get(&issued).json()["results"][0]["id"].clone();
    let body = json!({
        "name": "again", "service_token": issued, "issuer": scene.issuer.url(),
        "conditions": {"repository": ["acme/app"]},
    });
    scene.root.post(RULES, &body).expect(400);
}
