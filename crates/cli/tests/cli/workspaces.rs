use serde_json::{Value, json};

use crate::environment::Environment;
use crate::fake::{Fake, page};

/// A login that reaches `acme` in `us1`, `beta` in `ap1`, and a name that is no
/// label of an address.
const TOKEN: &str = "e30.eyJodHRwczovL2FscGFjb24uaW8vd29ya3NwYWNlcyI6W3sic2NoZW1h\
    X25hbWUiOiJhY21lIiwiYXV0aDBfaWQiOiJvcmdfMSIsInJlZ2lvbiI6InVzMSJ9LHsic2NoZW1hX25h\
    bWUiOiJiZXRhIiwiYXV0aDBfaWQiOiJvcmdfMiIsInJlZ2lvbiI6ImFwMSJ9LHsic2NoZW1hX25hbWUi\
    OiJldmlsLmV4YW1wbGUuY29tLyIsImF1dGgwX2lkIjpudWxsLCJyZWdpb24iOiJ1czEifV19.c2ln";

fn in_the_cloud() -> Environment {
    let environment = Environment::new();
    environment.write_config(
        &json!({
            "workspace_url": "https://acme.us1.example.com", "workspace_name": "acme",
            "base_domain": "example.com", "access_token": TOKEN, "refresh_token": "rt-1",
            "access_token_expires_at": "2099-01-01T00:00:00Z", "insecure": false,
            "active_work_sessions": {"acme": "ws-1"}, "server_extensions": ["exec-stream/1"],
            "of_another_program": 1,
        })
        .to_string(),
    );
    environment
}

#[test]
fn the_current_workspace_is_told_on_stderr() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    for line in [&["workspace"][..], &["ws", "ls"]] {
        let run = environment.run(line);
        assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
        assert!(run.stderr.contains(&server.url()), "{run:?}");
    }
    let run = in_the_cloud().run(&["workspace"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(run.stderr.contains("workspace switch"), "{run:?}");
    assert_eq!(Environment::new().run(&["workspace"]).status, 1);
}

#[test]
fn the_login_names_its_workspaces() {
    let environment = in_the_cloud();
    insta::assert_snapshot!(environment.run(&["workspace", "ls"]).stdout, @r"
    NAME                REGION   CURRENT
    acme                us1      *
    beta                ap1      
    evil.example.com/   us1      
    ");
    let rows = environment.run(&["ws", "list", "--output", "json"]).json();
    assert_eq!(
        rows[0],
        json!({"name": "acme", "region": "us1", "current": "*"})
    );
}

#[test]
fn switching_keeps_the_rest_of_the_configuration() {
    let environment = in_the_cloud();
    let mut expected = environment.config();
    let run = environment.run(&["workspace", "switch", "acme"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    assert_eq!(environment.config(), expected);

    let run = environment.run(&["workspace", "switch", "beta", "--output", "json"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    expected["workspace_url"] = json!("https://beta.ap1.example.com");
    expected["workspace_name"] = json!("beta");
    expected
        .as_object_mut()
        .unwrap()
        .remove("server_extensions");
    assert_eq!(environment.config(), expected);
}

#[test]
fn a_switch_that_fails_changes_nothing() {
    let environment = in_the_cloud();
    let before = environment.config();
    for name in ["gamma", "evil.example.com/"] {
        let run = environment.run(&["workspace", "switch", name]);
        assert_eq!(run.status, 1, "{run:?}");
        assert_eq!(environment.config(), before);
    }

    // Nobody renews this one: the domain does not exist.
    let mut expired = before;
    expired["access_token_expires_at"] = json!("2020-01-01T00:00:00Z");
    expired["base_domain"] = json!("invalid");
    environment.write_config(&expired.to_string());
    let run = environment.run(&["workspace", "switch", "beta"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert_eq!(environment.config(), expired);

    let server = Fake::start();
    let run = Environment::logged_in(&server).run(&["workspace", "switch", "beta"]);
    assert_eq!(run.status, 1, "{run:?}");
}

#[test]
fn settings_are_shown_and_edited() {
    for (noun, alias, path) in [
        ("preferences", "prefs", "/api/workspaces/preferences/-/"),
        ("access-control", "acl", "/api/workspaces/access-control/-/"),
    ] {
        let settings = json!({"zone": "old", "a": 1, "kept": null});
        let server = Fake::start()
            .answering_json("GET", path, 200, &settings)
            .answering_json("PATCH", path, 200, &json!({"zone": "new"}));
        let environment = Environment::logged_in(&server).editing("old", "new");
        let run = environment.run(&["workspace", alias, "--output", "json"]);
        assert_eq!(run.json(), settings);
        assert!(run.stdout.starts_with("{\n  \"zone\""), "{run:?}");
        let run = environment.run_typing(&["workspace", noun, "update"], "");
        assert_eq!(run.status, 0, "{run:?}");
        assert_eq!(run.json(), json!({"zone": "new"}));
        let sent = server.requests().pop().unwrap();
        assert_eq!(
            (sent.method.as_str(), sent.path.as_str(), sent.body),
            ("PATCH", path, json!({"zone": "new", "a": 1, "kept": null}))
        );
    }
}

#[test]
fn a_second_factor_is_done_before_settings_change() {
    let path = "/api/workspaces/security/-/";
    let server = Fake::start_tls()
        .answering_json("GET", path, 200, &json!({"mfa_timeout": "old"}))
        .answering_json("PATCH", path, 200, &json!({"mfa_timeout": "new"}))
        .answering_once("PATCH", path, 403, r#"{"code":"auth_mfa_required"}"#);
    let environment = Environment::logged_in_by_browser(&server).editing("old", "new");
    let run = environment.run_typing(&["workspace", "auth", "update"], "");
    assert_eq!(run.status, 0, "{run:?}");
    let requests = server.requests();
    let link = requests
        .iter()
        .find(|request| request.path == "/api/auth0/mfa/")
        .unwrap();
    assert!(!link.query.contains("server="), "{link:?}");
    let patches = requests.iter().filter(|request| request.method == "PATCH");
    assert_eq!(patches.count(), 2);
}

#[test]
fn some_settings_need_a_browser_login() {
    let methods = json!({"allowed_mfa_methods": ["otp"], "passkey_as_mfa": true});
    let path = "/api/workspaces/security/-/mfa-methods/";
    let server = Fake::start_tls().answering_json("GET", path, 200, &methods);
    let environment = Environment::logged_in_by_browser(&server);
    assert_eq!(environment.run(&["workspace", "mfa"]).json(), methods);

    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let count = server.requests().len();
    for noun in ["authentication", "mfa-methods"] {
        let run = environment.run(&["workspace", noun]);
        assert_eq!(run.status, 1, "{run:?}");
        assert!(run.stderr.contains("cloud"), "{run:?}");
    }
    assert_eq!(server.requests().len(), count);
}

fn estimate() -> Value {
    json!({
        "billing_period": {"start": "2026-01-01", "end": "2026-01-31", "total_days": 31},
        "currency": "USD",
        "subscription": {
            "product_name": "Alpacon", "plan_name": "Team", "product_code": "alpacon",
            "plan_code": "team", "base_quantity": 5, "unit_price": "10.00", "sub_total": "50.00",
            "period": {"start": "2026-01-01", "end": "2026-12-31"},
        },
        "services": {
            "servers": {
                "name": "Servers", "unit": "server", "limit": null, "current_usage": 2.5,
                "current_cost": "1.00", "overage_cost": null,
            },
        },
        "metadata": null,
    })
}

#[test]
fn a_self_hosted_workspace_is_asked_itself() {
    let path = "/api/workspaces/workspaces/";
    let rows = page(&[json!({"id": "w-1", "schema_name": "whatever"})]);
    let server = Fake::start()
        .answering_json("GET", path, 200, &rows)
        .answering_json("GET", &format!("{path}w-1/estimate/"), 200, &estimate());
    let run = Environment::logged_in(&server).run(&["workspace", "usage", "--output", "json"]);
    assert_eq!(run.json(), estimate());

    let run = Environment::logged_in(&Fake::start()).run(&["workspace", "usage"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("does not tell"), "{run:?}");
}

#[test]
fn usage_comes_from_the_billing_service() {
    let rows = page(&[
        json!({"id": "w-1", "schema_name": "other"}),
        json!({"id": 2, "schema_name": "acme"}),
    ]);
    let mut answer = estimate();
    answer["internal"] = json!("dropped");
    let path = "/api/workspaces/workspaces/";
    let billing = Fake::start()
        .answering_json("GET", path, 200, &rows)
        .answering_json("GET", &format!("{path}2/estimate/"), 200, &answer);
    let environment = in_the_cloud().with("ALPACON_BILLING_URL", &billing.url());
    let run = environment.run(&["workspace", "usage", "--output", "json"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(run.json(), estimate());
    let last = billing.requests().pop().unwrap();
    assert_eq!(last.authorization, format!("Bearer {TOKEN}"));

    let environment = in_the_cloud().with("ALPACON_BILLING_URL", "http://billing.example.com");
    let run = environment.run(&["workspace", "usage"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("https://"), "{run:?}");
}
