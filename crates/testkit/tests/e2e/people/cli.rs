//! Administration from the command line, against the real control plane.

use serde_json::{Value, json};
use testkit::{Cli, System};

use crate::accounts::{PASSWORD, create_user};

fn list(cli: &Cli, words: &[&str]) -> Vec<Value> {
    let words = [words, &["--output", "json"]].concat();
    let rows = cli.run(&words).exits(0).json();
    rows.as_array().unwrap().clone()
}

#[test]
fn an_administrator_sets_people_groups_and_tokens_up() {
    let system = System::start();
    let agent = system.agent("web-1");
    let server = agent.name();
    let root = system.cli_with_password();
    let names = json!({"first_name": "Jane", "last_name": "Doe"});
    create_user(&system.api_with_password(), "jane", &names);
    let jane = list(&root, &["user", "ls"])
        .into_iter()
        .find(|row| row["username"] == "jane")
        .unwrap();
    assert_eq!(jane["name"], "Doe Jane");
    assert_eq!(
        (&jane["status"], &jane["ldap_status"]),
        (&json!("active"), &json!("local"))
    );

    let group = [
        "group",
        "create",
        "--name",
        "ops",
        "--display-name",
        "Operators",
    ];
    root.run(&[group.as_slice(), &["--servers", server]].concat())
        .exits(0);
    let member = ["group", "member", "add", "-g", "ops", "-u", "jane"];
    root.run(&[member.as_slice(), &["-r", "manager"]].concat())
        .exits(0);
    root.run(&[member.as_slice(), &["-r", "boss"]].concat())
        .exits(2);
    let ops = list(&root, &["group", "ls"])
        .into_iter()
        .find(|row| row["name"] == "ops")
        .unwrap();
    assert_eq!((&ops["members"], &ops["servers"]), (&json!(2), &json!(1)));

    // Jane sees what the group shows, manages nothing else, and sets a token up.
    let cli = system.cli();
    cli.log_in("jane", PASSWORD);
    cli.run(&["username", "get"]).exits(0).stdout_is("jane\n");
    cli.run(&["username", "set", "janet"])
        .exits(1)
        .stderr_has("already set");
    cli.run(&["user", "delete", "jane", "-y"]).exits(1);
    cli.run(&["group", "delete", "ops", "-y"]).exits(1);
    assert_eq!(list(&cli, &["server", "ls"]).len(), 1);
    let token = [
        "token",
        "create",
        "-n",
        "ci",
        "--scopes",
        "server:read,command:create",
    ];
    let created = [token.as_slice(), &["--output", "json"]].concat();
    let created = cli.run(&created).exits(0).json();
    let key = created["key"].as_str().unwrap();
    cli.run(&["token", "acl", "server", "add", "ci", "--server", server])
        .exits(0);
    cli.run(&[
        "token",
        "acl",
        "command",
        "add",
        "ci",
        "-c",
        "echo *",
        "--username",
        "*",
    ])
    .exits(0);
    cli.run(&[
        "token", "acl", "file", "add", "ci", "--path", "/tmp/*", "--action", "upload",
    ])
    .exits(0);
    cli.run(&["token", "duplicate", "ci", "-n", "copy"])
        .exits(0);
    for kind in ["command", "server", "file"] {
        let rules = |token: &str| list(&cli, &["token", "acl", kind, "ls", token]);
        assert_eq!((rules("ci").len(), rules("copy").len()), (1, 1), "{kind}");
        if kind != "server" {
            let rule = rules("copy")[0]["id"].as_str().unwrap().to_owned();
            cli.run(&["token", "acl", kind, "delete", &rule, "-y"])
                .exits(0);
        }
    }
    cli.run(&[
        "token",
        "acl",
        "server",
        "delete",
        "copy",
        "--servers",
        server,
        "-y",
    ])
    .exits(0);
    assert!(list(&cli, &["token", "acl", "server", "ls", "copy"]).is_empty());
    let rules = list(&cli, &["token", "acl", "command", "ls", "ci"]);
    assert_eq!(rules[0]["username"], "*");
    assert!(
        list(&cli, &["token", "scopes"])
            .iter()
            .any(|row| row["name"] == "*")
    );

    // What the token may is what its rules say.
    let job = system.cli();
    job.log_in_with_token(key);
    let account = system.ready().superuser.username.clone();
    let exec = |line: &str| job.run(&["exec", "-u", &account, server, line]);
    exec("echo fine").exits(0).stdout_is("fine\n");
    exec("id").exits(1);

    root.run(&["group", "member", "delete", "-g", "ops", "-u", "jane", "-y"])
        .exits(0);
    root.run(&["group", "member", "rm", "-g", "ops", "-u", "jane", "-y"])
        .exits(1);
    root.run(&["group", "rm", "ops", "-y"]).exits(0);
    root.run(&["user", "rm", "jane"])
        .exits(2)
        .stderr_has("--yes");
    root.run(&["user", "rm", "jane", "-y"]).exits(0);
    root.run(&["user", "describe", "jane"])
        .exits(1)
        .stderr_has("not found");
    exec("echo over").exits(1);
}
