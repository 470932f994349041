use serde_json::json;

use crate::environment::Environment;
use crate::fake::{Fake, page};

#[test]
fn the_list_is_a_table_or_an_array() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    insta::assert_snapshot!(environment.run(&["server", "ls"]).stdout, @r"
    NAME     IP         OS          CONNECTED   OWNER
    web-01   10.0.0.5   Debian 13   true        
    ");
    assert_eq!(
        environment
            .run(&["servers", "list", "--output", "json"])
            .json(),
        json!([{
            "name": "web-01", "ip": "10.0.0.5", "os": "Debian 13", "connected": true, "owner": "",
        }])
    );
}

#[test]
fn details_keep_the_servers_order_and_members() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let run = environment.run(&["server", "describe", "web-01", "--output", "json"]);
    insta::assert_snapshot!(run.stdout, @r#"
    {
      "name": "web-01",
      "id": "s-1",
      "extra": {
        "kept": [
          1.5,
          null
        ]
      }
    }
    "#);
    let wide = environment.run(&["server", "describe", "web-01"]);
    assert!(wide.stdout.starts_with("{\n    \"name\""), "{wide:?}");
    assert_eq!(wide.json(), run.json());
}

#[test]
fn a_busy_server_ends_with_five() {
    let body = r#"{"code":"server_busy_with_user_work","detail":"Busy."}"#;
    let path = "/api/servers/servers/s-1/actions/";
    let server = Fake::start().answering("POST", path, 409, "application/json", body);
    let environment = Environment::logged_in(&server);
    let run = environment.run(&["server", "reboot", "web-01", "-y"]);
    assert_eq!(run.status, 5, "{run:?}");
    assert!(
        run.stderr.contains("--force") && !run.stderr.contains("issues"),
        "{run:?}"
    );
    assert_eq!(
        server.posted(path),
        [json!({"action": "reboot_system", "force": false})]
    );
    let run = environment.run(&["agent", "restart", "web-01"]);
    assert_eq!(run.status, 5, "{run:?}");
    assert_eq!(server.posted(path)[1], json!({"action": "restart_agent"}));
}

#[test]
fn a_registration_key_is_shown_once_and_where_asked() {
    let body = r#"{"id":"rt-1","name":"fleet","allowed_groups":null,"key":"alpacax_k3y",
        "expires_at":null,"added_at":"2026-01-01T00:00:00Z"}"#;
    let path = "/api/servers/registration-tokens/";
    let server = Fake::start().answering("POST", path, 201, "application/json", body);
    let environment = Environment::logged_in(&server);
    let run = environment.run(&["server", "token", "create", "-n", "fleet"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(run.stderr.contains("alpacax_k3y"), "{run:?}");
    let run = environment.run(&[
        "server", "token", "create", "-n", "fleet", "--output", "json",
    ]);
    assert_eq!(run.json()["key"], "alpacax_k3y");
    assert_eq!(run.json()["expires_at"], json!(null));
    assert_eq!(run.stderr, "");
    assert_eq!(server.posted(path)[0], json!({"name": "fleet"}));
}

#[test]
fn an_id_cannot_leave_its_place_in_the_path() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let run = environment.run(&["work-session", "describe", "../../iam/users"]);
    assert_eq!(run.status, 1, "{run:?}");
    let last = server.requests().pop().unwrap();
    assert_eq!(
        last.path,
        "/api/work-sessions/sessions/..%2F..%2Fiam%2Fusers/"
    );
    let count = server.requests().len();
    assert_eq!(
        environment.run(&["work-session", "describe", ".."]).status,
        2
    );
    assert_eq!(server.requests().len(), count);
}

#[test]
fn the_wizard_asks_for_the_groups_of_a_new_token() {
    let group = "0190b6a4-7d6e-7cc0-8f00-000000000001";
    let tokens = "/api/servers/registration-tokens/";
    let guide = "/api/servers/registration-methods/token-install/guide/";
    let server = Fake::start()
        .answering_json("GET", tokens, 200, &page(&[]))
        .answering_json(
            "POST",
            tokens,
            201,
            &json!({"id": "rt-1", "key": "alpacax_k3y"}),
        )
        .answering_json("POST", guide, 200, &json!({"platform": "debian"}));
    let environment = Environment::logged_in(&server);
    let typed = format!("\nDebian\nweb-01\nfleet\n{group}\n");
    let run = environment.run_typing(&["server", "create"], &typed);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(run.stderr.contains("alpacax_k3y"), "{run:?}");
    assert_eq!(
        server.posted(tokens),
        [json!({"name": "fleet", "allowed_groups": [group]})]
    );
    assert_eq!(
        server.posted(guide),
        [json!({
            "platform": "debian", "server_name": "web-01", "registration_token": "rt-1",
        })]
    );
}
