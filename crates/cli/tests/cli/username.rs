use serde_json::json;

use crate::environment::Environment;
use crate::fake::Fake;

#[test]
fn the_name_stands_alone() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let run = environment.run(&["username", "get"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, "admin\n"), "{run:?}");
    let run = environment.run(&["username", "get", "--output", "json"]);
    assert_eq!(run.json(), json!({"username": "admin"}));
}

#[test]
fn a_name_that_was_not_chosen_is_an_error() {
    let server = Fake::start();
    let environment = Environment::logged_in(&server);
    let _server = server.answering_json("GET", "/api/iam/users/-/", 200, &json!({"id": "u-1"}));
    let run = environment.run(&["username", "get", "--output", "json"]);
    assert_eq!((run.status, run.stdout.as_str()), (1, ""), "{run:?}");
    let envelope = run.envelope();
    assert_eq!(envelope["context"], json!({"operation": "get"}));
    assert!(
        envelope["message"]
            .as_str()
            .unwrap()
            .contains("alpacon username set")
    );
}

#[test]
fn the_name_is_told_as_the_server_took_it() {
    let path = "/api/iam/username/";
    let answer = json!({"id": "u-1", "username": "kim"});
    let server = Fake::start().answering_json("POST", path, 201, &answer);
    let run = Environment::logged_in(&server).run(&["username", "set", "Kim"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, ""), "{run:?}");
    assert!(run.stderr.contains("is kim\n"), "{run:?}");
    assert_eq!(server.posted(path), [json!({"username": "Kim"})]);
}

#[test]
fn refusals_say_what_they_mean() {
    for (code, meaning) in [
        ("user_username_invalid", "lower-case letters"),
        ("user_username_disallowed", "reserved"),
        ("user_username_in_use", "taken"),
        ("user_username_already_set", "already set"),
        ("approval_superuser_approve_required", "superuser"),
        ("something_else", "Text of the server."),
    ] {
        let body = json!({"code": code, "source": "user", "detail": "Text of the server."});
        let server = Fake::start().answering_json("POST", "/api/iam/username/", 400, &body);
        let environment = Environment::logged_in(&server);
        let run = environment.run(&["username", "set", "kim", "--output", "json"]);
        assert_eq!(run.status, 1, "{run:?}");
        let envelope = run.envelope();
        assert_eq!(envelope["error_code"], code);
        let message = envelope["message"].as_str().unwrap();
        assert!(message.contains(meaning), "{code}: {message}");
    }
}
