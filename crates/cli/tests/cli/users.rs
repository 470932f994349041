use serde_json::{Value, json};

use crate::environment::Environment;
use crate::fake::{Fake, page};

const USERS: &str = "/api/iam/users/";

fn kim() -> Value {
    json!({
        "id": "u-2", "username": "kim", "first_name": "Jane", "last_name": "Kim",
        "email": "kim@example.com", "phone": null, "tags": "#dev", "num_groups": 2, "uid": 2001,
        "is_active": true, "is_staff": false, "is_superuser": false, "is_ldap_user": false,
        "date_joined": null,
    })
}

fn with_kim() -> Fake {
    Fake::start()
        .answering_json("GET", USERS, 200, &page(&[kim()]))
        .answering_json("GET", "/api/iam/users/u-2/", 200, &kim())
        .answering_json("POST", USERS, 201, &json!({"id": "u-3"}))
        .answering_json("DELETE", "/api/iam/users/u-2/", 200, &json!({}))
}

/// The caller has no privileges.
fn as_anybody(server: Fake) -> Fake {
    let caller = json!({"id": "u-1", "username": "admin", "is_staff": false});
    server.answering_json("GET", "/api/iam/users/-", 200, &caller)
}

#[test]
fn users_are_listed_and_described() {
    let server = with_kim();
    let environment = Environment::logged_in(&server);
    insta::assert_snapshot!(environment.run(&["user", "ls"]).stdout, @r"
    USERNAME   NAME       EMAIL             TAGS   GROUPS   UID    STATUS   LDAP
    kim        Kim Jane   kim@example.com   #dev   2        2001   active   local
    ");
    assert_eq!(
        environment.run(&["user", "list", "--output=json"]).json(),
        json!([{
            "username": "kim", "name": "Kim Jane", "email": "kim@example.com", "tags": "#dev",
            "groups": 2, "uid": 2001, "status": "active", "ldap_status": "local",
        }])
    );
    assert_eq!(environment.run(&["user", "desc", "kim"]).json(), kim());
    assert_eq!(environment.run(&["user", "describe", "lee"]).status, 1);
}

#[test]
fn an_account_is_created_without_a_terminal() {
    let server = with_kim();
    let environment = Environment::logged_in(&server);
    let line = [
        "user",
        "create",
        "--username",
        "lee",
        "--email",
        "lee@example.com",
        "--password-stdin",
        "--staff",
    ];
    let run = environment.run_with_input(&line, "pa55 word\n");
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(!run.stderr.contains("pa55"), "{run:?}");
    assert_eq!(
        server.posted(USERS),
        [json!({
            "username": "lee", "password": "pa55 word", "first_name": "", "last_name": "",
            "email": "lee@example.com", "phone": "", "tags": "", "description": "", "shell": "",
            "is_active": true, "is_staff": true, "is_superuser": false, "is_ldap_user": false,
        })]
    );
    let run = environment.run_with_input(&line, "\n");
    assert_eq!(run.status, 2, "{run:?}");
}

#[test]
fn an_account_is_asked_for_at_a_terminal() {
    let server = with_kim();
    let environment = Environment::logged_in(&server);
    // The first two passwords differ.
    let typed =
        "lee\none\ntwo\npa55\npa55\nAda\nLee\nlee@example.com\n\n#ops\n\n/bin/zsh\nn\ny\nN\n";
    let run = environment.run_typing(&["user", "create"], typed);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(run.stderr.contains("Password: ****"), "{run:?}");
    assert!(!run.stderr.contains("pa55"), "{run:?}");
    assert_eq!(
        server.posted(USERS),
        [json!({
            "username": "lee", "password": "pa55", "first_name": "Ada", "last_name": "Lee",
            "email": "lee@example.com", "phone": "", "tags": "#ops", "description": "",
            "shell": "/bin/zsh", "is_active": true, "is_staff": true, "is_superuser": false,
            "is_ldap_user": false,
        })]
    );
}

#[test]
fn accounts_are_for_staff() {
    let server = as_anybody(with_kim());
    let environment = Environment::logged_in(&server);
    let run = environment.run(&["user", "delete", "kim", "-y"]);
    assert_eq!(run.status, 1, "{run:?}");
    let line = [
        "user",
        "create",
        "--username=lee",
        "--email=l@x",
        "--password-stdin",
    ];
    let run = environment.run_with_input(&line, "pa55\n");
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("only staff"), "{run:?}");
    assert!(server.posted(USERS).is_empty());
}

#[test]
fn a_user_is_deleted_by_name() {
    let server = with_kim();
    let environment = Environment::logged_in(&server);
    let run = environment.run_typing(&["user", "rm", "kim"], "maybe\nno\n");
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stderr.contains("nothing was changed"), "{run:?}");
    let run = environment.run_typing(&["user", "rm", "kim"], "yes\n");
    assert_eq!(run.status, 0, "{run:?}");
    let deleted = server
        .requests()
        .into_iter()
        .filter(|request| request.method == "DELETE")
        .count();
    assert_eq!(deleted, 1);
}

#[test]
fn the_whole_edited_document_goes_back() {
    let path = "/api/iam/users/u-2/";
    let server = with_kim().answering_json("PATCH", path, 200, &json!({"username": "kim"}));
    let environment = Environment::logged_in(&server).editing("#dev", "#ops");
    let run = environment.run_typing(&["user", "update", "kim", "--output", "json"], "");
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(run.json(), json!({"username": "kim"}));
    let sent = server.requests().pop().unwrap();
    let mut edited = kim();
    edited["tags"] = json!("#ops");
    assert_eq!((sent.method.as_str(), sent.body), ("PATCH", edited));

    let count = server.requests().len();
    let run = environment
        .editing("nothing", "else")
        .run_typing(&["user", "update", "kim"], "");
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(run.stderr.contains("no changes"), "{run:?}");
    let later = server.requests().split_off(count);
    assert!(later.iter().all(|request| request.method == "GET"));
}

#[test]
fn open_invitations_are_listed_and_taken_back() {
    let path = "/api/workspaces/invitations/";
    let invitation = json!({
        "id": "i-1", "email": "lee@example.com", "added_at": "2026-01-02T03:04:05Z",
        "expires_at": "2026-01-04T03:04:05Z",
        "invited_by": {"id": "u-1", "name": "admin", "email": ""},
    });
    let server = Fake::start()
        .answering_json("GET", path, 200, &page(&[invitation]))
        .answering_json(
            "DELETE",
            "/api/workspaces/invitations/i-1/",
            204,
            &json!({}),
        );
    let environment = Environment::logged_in(&server);
    let run = environment.run(&["user", "invitation", "ls", "--output=json"]);
    assert_eq!(
        run.json(),
        json!([{
            "email": "lee@example.com", "invited_by": "admin",
            "added_at": "2026-01-02T03:04:05Z", "expires_at": "2026-01-04T03:04:05Z",
            "id": "i-1",
        }])
    );
    let run = environment.run(&["user", "invitation", "revoke", "Lee@Example.com"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    let requests = server.requests();
    let deleted = requests.iter().filter(|it| it.method == "DELETE");
    assert_eq!(deleted.count(), 1);
    let run = environment.run(&["user", "invitation", "revoke", "kim@example.com"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("alpacon user invitation ls"), "{run:?}");

    let environment = Environment::logged_in(&as_anybody(Fake::start()));
    let run = environment.run(&["user", "invitation", "revoke", "lee@example.com"]);
    assert_eq!(run.status, 1, "{run:?}");
}

#[test]
fn invitations_need_a_browser_login_and_accounts_another() {
    let path = "/api/workspaces/users/invite/";
    let server = with_kim();
    let environment = Environment::logged_in(&server);
    let run = environment.run(&["user", "invite", "lee@example.com"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("alpacon user create"), "{run:?}");

    let server = Fake::start_tls().answering_json("POST", path, 200, &json!({"detail": []}));
    let environment = Environment::logged_in_by_browser(&server);
    let run = environment.run(&["user", "invite", "lee@example.com"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    assert_eq!(server.posted(path), [json!({"email": "lee@example.com"})]);
    let run = environment.run_typing(&["user", "create"], "");
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("alpacon user invite"), "{run:?}");
}
