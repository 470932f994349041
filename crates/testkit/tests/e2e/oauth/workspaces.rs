//! One login in several workspaces of a person.

use serde_json::{Value, json};
use testkit::{Api, System, eventually};

use super::{CLI, bearer, claims, error, log_in};
use crate::accounts::{PASSWORD, second_superuser, try_log_in};

const HERE: &str = "127.0.0.1";
const THERE: &str = "there.test";
const PERSON: &str = "0198c0de-0000-7000-8000-000000000001";

fn operate(system: &System, arguments: &[&str], input: &str) {
    let (done, said) = system.operate(arguments, input);
    assert!(done, "{said}");
}

/// A second workspace, and its superuser.
fn second(system: &System) -> Api {
    operate(system, &["workspace", "set-host", "default", HERE], "");
    operate(
        system,
        &["workspace", "create", "there", "--host", THERE],
        "",
    );
    operate(
        system,
        &[
            "superuser",
            "create",
            "--workspace",
            "there",
            "--username",
            "boss",
        ],
        &format!("{PASSWORD}\n"),
    );
    let stranger = system.anonymous().at_host(THERE);
    eventually("the second workspace is served", || {
        let answer = try_log_in(&stranger, "boss", PASSWORD);
        (answer.status == 200)
            .then(|| stranger.as_caller(testkit::Credential::Token(answer.text_at("/token"))))
    })
}

/// As if each superuser had taken an invitation to the same mail address.
fn make_one_person(system: &System) {
    let database = system.database();
    let person = database.uuid(PERSON);
    let time = "'2026-01-01 00:00:00+00:00'";
    database.execute(&format!(
        "INSERT INTO persons (id, email, added_at) VALUES ({person}, 'p@example.com', {time})"
    ));
    let linked = database.execute(&format!(
        "INSERT INTO person_users (user_id, workspace_id, person_id, added_at) \
         SELECT id, workspace_id, {person}, {time} FROM users"
    ));
    assert_eq!(linked, 2);
}

fn accept(boss: &Api, yes: bool) {
    boss.patch(
        "/api/workspaces/security/-/",
        &json!({"accept_other_workspaces": yes}),
    )
    .expect(200);
}

fn names(access: &str) -> Vec<Value> {
    let claims = claims(access);
    let list = claims["https://alpacon.io/workspaces"].as_array().unwrap();
    list.iter().map(|row| row["schema_name"].clone()).collect()
}

#[test]
fn a_login_serves_the_workspaces_that_accept_it_and_no_others() {
    let system = System::start();
    let boss = second(&system);
    let tokens = log_in(&system);
    let there = |access: &str| bearer(&system, access).at_host(THERE);
    assert_eq!(names(&tokens.access), ["default"]);
    there(&tokens.access).get("/api/auth/whoami/").expect(401);

    make_one_person(&system);
    there(&tokens.access).get("/api/auth/whoami/").expect(401);
    let refresh_there = || {
        system.anonymous().at_host(THERE).post(
            "/oauth/token/",
            &json!({
                "grant_type": "refresh_token",
                "client_id": CLI,
                "refresh_token": tokens.refresh,
                "scope": "cli org:there",
            }),
        )
    };
    assert_eq!(error(&refresh_there().expect(400)), "invalid_grant");

    accept(&boss, true);
    let fresh = super::refresh(&system, CLI, &tokens.refresh).text_at("/access_token");
    assert_eq!(names(&fresh), ["default", "there"]);
    let who = there(&fresh).get("/api/auth/whoami/").expect(200).json();
    assert_eq!(who["user"]["username"], "boss");
    let renewed = refresh_there().expect(200).text_at("/access_token");
    assert_eq!(claims(&renewed)["org"], "there");
    bearer(&system, &renewed).get("/api/status/").expect(200);

    // The login is of the first workspace: what ends it there ends it everywhere.
    let user = bearer(&system, &fresh)
        .get("/api/iam/users/-/")
        .text_at("/id");
    let admin = second_superuser(&system);
    admin
        .patch(
            &format!("/api/iam/users/{user}/"),
            &json!({"is_active": false}),
        )
        .expect_success();
    for api in [there(&renewed), bearer(&system, &renewed)] {
        api.get("/api/status/").expect(401);
    }
    assert_eq!(error(&refresh_there()), "invalid_grant");
}

#[test]
fn a_login_is_withdrawn_from_any_of_its_workspaces() {
    let system = System::start();
    let boss = second(&system);
    make_one_person(&system);
    accept(&boss, true);
    let tokens = log_in(&system);
    let there = bearer(&system, &tokens.access).at_host(THERE);
    there.get("/api/status/").expect(200);

    accept(&boss, false);
    eventually("the other workspace refuses", || {
        (there.get("/api/status/").status == 401).then_some(())
    });
    accept(&boss, true);
    there.get("/api/status/").expect(200);

    there
        .post("/api/auth0/token/blacklist/", &json!(null))
        .expect(204);
    there.get("/api/status/").expect(401);
    bearer(&system, &tokens.access)
        .get("/api/status/")
        .expect(401);
    system
        .anonymous()
        .at_host(THERE)
        .post(
            "/oauth/revoke/",
            &json!({"client_id": CLI, "token": tokens.refresh}),
        )
        .expect(200);
    let answer = super::refresh(&system, CLI, &tokens.refresh);
    assert_eq!(error(&answer), "invalid_grant");
}
