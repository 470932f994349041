use serde_json::{Value, json};

use crate::environment::Environment;
use crate::fake::{Fake, page};

const TOKENS: &str = "/api/auth/tokens/";
const ID: &str = "0190b6a4-7d6e-7cc0-8f00-000000000001";

fn with_tokens() -> Fake {
    Fake::start().answering_json(
        "GET",
        TOKENS,
        200,
        &page(&[json!({
            "id": ID, "name": "ci", "enabled": true, "scopes": ["server:read", "command:*"],
            "updated_at": null, "expires_at": "2099-01-01T00:00:00Z",
        })]),
    )
}

fn created() -> Value {
    json!({
        "id": ID, "name": "ci", "key": "alpat-k3y", "enabled": true, "scopes": ["server:read"],
        "expires_at": null, "updated_at": "2026-01-01T00:00:00Z",
    })
}

#[test]
fn tokens_are_listed_without_secrets() {
    let server = with_tokens();
    let environment = Environment::logged_in(&server);
    let rows = environment
        .run(&["token", "list", "--output", "json"])
        .json();
    let expires = rows[0]["expires_at"].as_str().unwrap().to_owned();
    assert!(expires.starts_with("in ") && expires.ends_with(" days"));
    assert_eq!(
        rows,
        json!([{
            "id": ID, "name": "ci", "enabled": true, "updated_at": "None",
            "expires_at": expires, "scopes": "server:read, command:*",
        }])
    );
    let table = environment.run(&["token", "ls"]).stdout;
    assert!(table.starts_with("ID "), "{table}");
}

#[test]
fn a_key_is_shown_once_and_where_asked() {
    let path = format!("{TOKENS}{ID}/duplicate/");
    let server = with_tokens()
        .answering_json("POST", TOKENS, 201, &created())
        .answering_json("POST", &path, 201, &created());
    let environment = Environment::logged_in(&server);
    for line in [
        &["token", "create", "-n", "ci", "--scopes", "server:read, "][..],
        &["token", "duplicate", "ci", "-n", "copy"],
        &["token", "duplicate", ID],
    ] {
        let run = environment.run(line);
        assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
        assert!(run.stderr.contains("Success: ") && run.stderr.contains("alpat-k3y"));
        let run = environment.run(&[line, &["--output", "json"]].concat());
        assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{run:?}");
        assert_eq!(
            run.json(),
            json!({
                "id": ID, "name": "ci", "key": "alpat-k3y", "expires_at": null,
                "scopes": ["server:read"],
            })
        );
    }
    assert_eq!(
        server.posted(TOKENS)[0],
        json!({"name": "ci", "expires_at": null, "scopes": ["server:read"]})
    );
    assert_eq!(
        server.posted(&path),
        [
            json!({"name": "copy"}),
            json!({"name": "copy"}),
            json!({}),
            json!({})
        ]
    );
}

#[test]
fn an_end_is_sent_only_where_one_is_wanted() {
    let server = Fake::start().answering_json("POST", TOKENS, 201, &created());
    let environment = Environment::logged_in(&server);
    let days = ["--expiration-in-days", "7"];
    for (flags, has_end) in [
        (&[][..], false),
        (&["--limit"], false),
        (&days, true),
        (&["-l", "--expiration-in-days=7"], true),
        (&["-l=false", "--expiration-in-days=7"], false),
        (&["--limit=0", "--expiration-in-days=7"], false),
        (&["--limit=true", "--expiration-in-days=7"], true),
    ] {
        let run = environment.run(&[&["token", "create", "--name", "ci"], flags].concat());
        assert_eq!(run.status, 0, "{run:?}");
        let body = server.posted(TOKENS).pop().unwrap();
        assert_eq!(body["expires_at"].is_string(), has_end, "{flags:?}: {body}");
        assert_eq!(body.get("scopes"), None, "{body}");
    }
}

#[test]
fn tokens_go_by_name_or_id() {
    let path = format!("{TOKENS}{ID}/");
    let server = with_tokens().answering_json("DELETE", &path, 200, &json!({}));
    let environment = Environment::logged_in(&server);
    for token in ["ci", ID] {
        let run = environment.run(&["token", "rm", token, "-y"]);
        assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
        assert!(run.stderr.contains(ID), "{run:?}");
    }
    let run = environment.run(&["token", "delete", "other", "--yes"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("other"), "{run:?}");
}

#[test]
fn scopes_begin_with_the_wildcards() {
    let path = "/api/auth/tokens/scopes/";
    let server = Fake::start().answering_json(
        "GET",
        path,
        200,
        &json!({
            "resources": [{"name": "server", "actions": ["read", "update"], "acl": ["server"]}],
            "wildcards": ["*"],
        }),
    );
    let environment = Environment::logged_in(&server);
    insta::assert_snapshot!(environment.run(&["token", "scopes"]).stdout, @r"
    RESOURCE   ACTIONS                ACL
    *          (matches all scopes)   
    server     read, update           server
    ");
    assert_eq!(
        environment
            .run(&["token", "scopes", "--output", "json"])
            .json(),
        json!([
            {"name": "*", "actions": "", "acl": ""},
            {"name": "server", "actions": "read, update", "acl": "server"},
        ])
    );
}

#[test]
fn command_rules_are_added_listed_and_removed() {
    let path = "/api/security/command-acl/";
    let rule = json!({
        "id": "r-1", "token": ID, "token_name": "ci", "command": "uptime *", "username": null,
        "groupname": "*",
    });
    let server = with_tokens()
        .answering_json("POST", path, 201, &rule)
        .answering_json("GET", path, 200, &page(&[rule]))
        .answering_json("DELETE", &format!("{path}r-1/"), 200, &json!({}));
    let environment = Environment::logged_in(&server);
    for line in [
        &["token", "acl", "command", "add", "ci", "-c", "uptime *"][..],
        &["token", "acl", "add", "ci", "-c", "uptime *"],
        &["token", "acl", "add", "x", "-t", "ci", "-c", "uptime *"],
    ] {
        let run = environment.run(line);
        assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
        assert_eq!(
            server.posted(path).pop().unwrap(),
            json!({"token": ID, "command": "uptime *"})
        );
        assert_eq!(run.stderr.contains("deprecated"), line[2] == "add");
    }
    let line = [
        "token",
        "acl",
        "command",
        "add",
        "ci",
        "--command=-x",
        "--username=*",
        "--groupname",
        "ops",
    ];
    assert_eq!(environment.run(&line).status, 0);
    assert_eq!(
        server.posted(path).pop().unwrap(),
        json!({"token": ID, "command": "-x", "username": "*", "groupname": "ops"})
    );
    for line in [
        &["token", "acl", "command", "ls", "ci"][..],
        &["token", "acl", "list", "ci"],
    ] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(environment.run(line).stdout, @r"
            ID    TOKEN   COMMAND    USERNAME   GROUPNAME
            r-1   ci      uptime *              *
            ");
        }
    }
    let query = server.requests().pop().unwrap().query;
    assert!(query.contains(&format!("token={ID}")), "{query}");
    for line in [
        &["token", "acl", "command", "rm", "r-1", "-y"][..],
        &["token", "acl", "delete", "r-1", "-y"],
    ] {
        assert_eq!(environment.run(line).status, 0);
    }
}

#[test]
fn server_rules_go_one_by_one_or_in_bulk() {
    let path = "/api/security/server-acl/";
    let rule = json!({"id": "r-1", "token_name": "ci", "server": {"id": "s-1", "name": "web-01"}});
    let server = with_tokens()
        .answering_json("POST", path, 201, &rule)
        .answering_json("POST", &format!("{path}bulk/"), 201, &json!([]))
        .answering_json("POST", &format!("{path}bulk/delete/"), 200, &json!({}))
        .answering_json("GET", path, 200, &page(&[rule]))
        .answering_json("DELETE", &format!("{path}r-1/"), 200, &json!({}));
    let environment = Environment::logged_in(&server);
    let acl = |rest: &[&str]| {
        let run = environment.run(&[&["token", "acl", "server"], rest].concat());
        assert_eq!(run.status, 0, "{run:?}");
        run.stdout
    };
    acl(&["add", "ci", "--server", "web-01"]);
    assert_eq!(server.posted(path), [json!({"token": ID, "server": "s-1"})]);
    let servers = json!({"token": ID, "servers": ["s-1", "s-1"]});
    acl(&["add", "ci", "--servers", "web-01, web-01,"]);
    assert_eq!(server.posted(&format!("{path}bulk/"))[0], servers);
    acl(&["delete", "ci", "--servers", "web-01,web-01", "-y"]);
    assert_eq!(server.posted(&format!("{path}bulk/delete/"))[0], servers);
    insta::assert_snapshot!(acl(&["ls", "ci"]), @r"
    ID    TOKEN   SERVER
    r-1   ci      web-01
    ");
    acl(&["rm", "r-1", "-y"]);
    let run = environment.run(&["token", "acl", "server", "add", "ci", "--servers", "web-02"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("web-02"), "{run:?}");
}

#[test]
fn file_rules_name_a_direction() {
    let path = "/api/security/file-acl/";
    let rule = json!({
        "id": "r-1", "token_name": "ci", "path": "/srv/*", "action": "*", "username": "",
        "groupname": null,
    });
    let server = with_tokens()
        .answering_json("POST", path, 201, &rule)
        .answering_json("GET", path, 200, &page(&[rule]));
    let environment = Environment::logged_in(&server);
    let add = ["token", "acl", "file", "add", "ci", "--path", "/srv/*"];
    let run = environment.run(&[&add[..], &["--action", "*"]].concat());
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(
        server.posted(path),
        [json!({"token": ID, "path": "/srv/*", "action": "*"})]
    );
    assert_eq!(
        environment
            .run(&["token", "acl", "file", "ls", "ci", "--output", "json"])
            .json(),
        json!([{
            "id": "r-1", "token_name": "ci", "path": "/srv/*", "action": "*", "username": "",
            "groupname": "",
        }])
    );
}
