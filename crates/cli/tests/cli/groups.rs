use serde_json::{Value, json};

use crate::environment::Environment;
use crate::fake::{Fake, page};

const GROUPS: &str = "/api/iam/groups/";
const MEMBERSHIPS: &str = "/api/iam/memberships/";

fn ops() -> Value {
    json!({
        "id": "g-1", "name": "ops", "display_name": "Operations", "description": "", "tags": "",
        "num_members": 3, "members_names": ["kim"], "gid": 3001, "is_ldap_group": true,
        "servers": [{"id": "s-1", "name": "web-01", "os": null, "is_connected": true}],
        "added_at": null, "updated_at": null,
    })
}

fn with_ops() -> Fake {
    let kim = json!({"id": "u-2", "username": "kim"});
    Fake::start()
        .answering_json("GET", GROUPS, 200, &page(&[ops()]))
        .answering_json("GET", "/api/iam/groups/g-1/", 200, &ops())
        .answering_json("POST", GROUPS, 201, &json!({"id": "g-2"}))
        .answering_json("DELETE", "/api/iam/groups/g-1/", 200, &json!({}))
        .answering_json("GET", "/api/iam/users/", 200, &page(&[kim]))
        .answering_json("POST", MEMBERSHIPS, 201, &json!({"id": "m-1"}))
        .answering_json("DELETE", "/api/iam/memberships/m-1/", 200, &json!({}))
}

fn membership() -> Value {
    json!({
        "id": "m-1", "group": "g-1", "group_name": "ops", "role": "member",
        "user": {"id": "u-2", "name": "Kim Jane", "email": ""},
    })
}

#[test]
fn groups_are_listed_and_described() {
    let server = with_ops();
    let environment = Environment::logged_in(&server);
    insta::assert_snapshot!(environment.run(&["group", "ls"]).stdout, @r"
    NAME   DISPLAY NAME   TAGS   MEMBERS   SERVERS   GID    LDAP
    ops    Operations            3         1         3001   ldap
    ");
    assert_eq!(
        environment
            .run(&["group", "list", "--output", "json"])
            .json(),
        json!([{
            "name": "ops", "display_name": "Operations", "tags": "", "members": 3, "servers": 1,
            "gid": 3001, "ldap_status": "ldap",
        }])
    );
    assert_eq!(environment.run(&["group", "desc", "ops"]).json(), ops());
}

#[test]
fn a_group_is_created_with_its_servers() {
    let server = with_ops();
    let environment = Environment::logged_in(&server);
    let line = [
        "group",
        "create",
        "--name",
        "dev",
        "--display-name",
        "Developers",
        "--servers",
        "web-01",
    ];
    let run = environment.run(&line);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    let typed = "dev\nDevelopers\n\n\n1\nn\n";
    let run = environment.run_typing(&["group", "create"], typed);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stderr.contains("  [1] web-01\n"), "{run:?}");
    let body = json!({
        "name": "dev", "display_name": "Developers", "tags": "", "description": "",
        "is_ldap_group": false, "servers": ["s-1"],
    });
    assert_eq!(server.posted(GROUPS), [body.clone(), body]);
    for numbers in ["", "2", "x"] {
        let typed = format!("dev\nDevelopers\n\n\n{numbers}\nn\n");
        let run = environment.run_typing(&["group", "create"], &typed);
        assert_eq!(run.status, 1, "{run:?}");
    }
    assert_eq!(server.posted(GROUPS).len(), 2);
}

#[test]
fn a_group_is_edited_and_deleted() {
    let path = "/api/iam/groups/g-1/";
    let server = with_ops().answering_json("PATCH", path, 200, &ops());
    let environment = Environment::logged_in(&server).editing("Operations", "Ops");
    let run = environment.run_typing(&["group", "update", "ops"], "");
    assert_eq!(run.status, 0, "{run:?}");
    let sent = server.requests().pop().unwrap().body;
    assert_eq!(sent["display_name"], "Ops");
    assert_eq!(sent["servers"], ops()["servers"]);
    let run = environment.run(&["group", "rm", "ops", "-y"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");

    let caller = json!({"id": "u-1", "username": "admin"});
    let server = server.answering_json("GET", "/api/iam/users/-", 200, &caller);
    let run = environment.run(&["group", "rm", "ops", "-y"]);
    assert_eq!(run.status, 1, "{run:?}");
    drop(server);
}

#[test]
fn members_are_added_with_a_role() {
    let server = with_ops();
    let environment = Environment::logged_in(&server);
    let add = ["group", "member", "add"];
    let flags = ["-g", "ops", "-u", "kim", "-r", "Manager"];
    let run = environment.run(&[&add[..], &flags].concat());
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    let run = environment.run_typing(&add, "\nops\nkim\nking\nOwner\n");
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(
        server.posted(MEMBERSHIPS),
        [
            json!({"group": "g-1", "user": "u-2", "role": "manager"}),
            json!({"group": "g-1", "user": "u-2", "role": "owner"}),
        ]
    );
}

#[test]
fn members_are_removed_whatever_the_shape_of_the_list() {
    let line = ["group", "member", "rm", "-g", "ops", "-u", "kim", "-y"];
    for rows in [page(&[membership()]), json!([membership()])] {
        let server = with_ops().answering_json("GET", MEMBERSHIPS, 200, &rows);
        let run = Environment::logged_in(&server).run(&line);
        assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
        assert_eq!(server.requests().pop().unwrap().method, "DELETE");
    }
    let mut other = membership();
    other["user"]["id"] = json!("u-9");
    for (status, rows) in [
        (200, json!([])),
        (200, page(&[other])),
        (404, json!({"detail": "Not found."})),
    ] {
        let server = with_ops().answering_json("GET", MEMBERSHIPS, status, &rows);
        let run = Environment::logged_in(&server).run(&line);
        assert_eq!(run.status, 1, "{run:?}");
        assert!(
            run.stderr.contains("kim is not in the group ops"),
            "{run:?}"
        );
        assert!(server.requests().iter().all(|r| r.method != "DELETE"));
    }
}
