//! Which workspace a request reaches, and what the operator of a server may do.

use serde_json::json;
use testkit::{System, eventually};

use super::{HERE, THERE, Two, must};
use crate::accounts::{PASSWORD, try_log_in};

#[test]
fn the_host_name_chooses_the_workspace_and_an_unknown_one_is_told_so() {
    let two = Two::start();
    let name = |host: &str| {
        let environment = two.system.anonymous().at_host(host).get("/api/auth/env/");
        environment.expect(200).text_at("/auth0/schema_name")
    };
    assert_eq!(name(HERE), "default");
    assert_eq!(name(THERE), "there");
    assert_eq!(name("THERE.test:8443"), "there");
    for host in ["elsewhere.test", "there.test.evil.test", "localhost"] {
        let stranger = two.system.anonymous().at_host(host);
        stranger
            .get("/api/auth/env/")
            .refuses(404, "workspace_not_found");
    }
}

#[test]
fn a_workspace_has_several_host_names() {
    let two = Two::start();
    must(
        &two.system,
        &["workspace", "add-host", "there", "Also.There.test"],
        "",
    );
    let also = two.there.at_host("also.there.test");
    eventually("the workspace is served under its other name", || {
        (also.get("/api/auth/whoami/").status == 200).then_some(())
    });
    let environment = two.system.anonymous().at_host("also.there.test:8443");
    let environment = environment.get("/api/auth/env/").expect(200);
    assert_eq!(environment.text_at("/auth0/schema_name"), "there");
    two.there.get("/api/auth/whoami/").expect(200);
    two.here
        .at_host("also.there.test")
        .get("/api/auth/whoami/")
        .expect(401);

    // A name leads to one workspace.
    let refused = |arguments: &[&str], reason: &str| {
        let (success, text) = two.system.operate(arguments, "");
        assert!(!success && text.contains(reason), "{arguments:?}: {text}");
    };
    let taken = "another workspace is served under";
    for host in ["also.there.test", THERE] {
        refused(&["workspace", "add-host", "default", host], taken);
        refused(&["workspace", "set-host", "default", host], taken);
        refused(&["workspace", "create", "three", "--host", host], taken);
    }
    refused(
        &["workspace", "remove-host", "default", "also.there.test"],
        "no further host name",
    );
    refused(
        &["workspace", "add-host", "there", "http://x"],
        "without scheme",
    );
    let listed = must(&two.system, &["workspace", "list", "--json"], "");
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[1]["hosts"], json!(["also.there.test"]));

    must(
        &two.system,
        &["workspace", "remove-host", "there", "also.there.test"],
        "",
    );
    eventually("the name leads nowhere", || {
        (also.get("/api/auth/whoami/").status == 404).then_some(())
    });
    two.there.get("/api/auth/whoami/").expect(200);
    // Freed for others; its own first name may be a further one before.
    must(
        &two.system,
        &["workspace", "add-host", "default", "also.there.test"],
        "",
    );
    must(
        &two.system,
        &["workspace", "set-host", "default", "also.there.test"],
        "",
    );
    let (sound, text) = two.system.verify_audit();
    assert!(sound, "{text}");
}

#[test]
fn people_passwords_and_tokens_of_one_workspace_are_nothing_in_another() {
    let two = Two::start();
    let superuser = &two.system.ready().superuser;
    let stranger = two.stranger();
    let elsewhere = try_log_in(&stranger, &superuser.username, &superuser.password);
    assert_ne!(elsewhere.status, 200);
    let elsewhere = try_log_in(&two.system.anonymous(), "boss", PASSWORD);
    assert_ne!(elsewhere.status, 200);
    for api in [&two.here, &two.system.api()] {
        api.at_host(THERE).get("/api/auth/whoami/").expect(401);
    }
    two.there.at_host(HERE).get("/api/auth/whoami/").expect(401);
    let users = two.there.get("/api/iam/users/").expect(200).json();
    assert_eq!(users["count"], 1, "{users}");
    // The failed login above is on record where it was tried, and nothing else is.
    let records = two.there.get("/api/audit/activity/").expect(200).json();
    let of_other = |record: &&serde_json::Value| record["username"] == *superuser.username;
    let rows = records["results"].as_array().unwrap();
    assert_eq!(rows.iter().filter(of_other).count(), 1, "{records}");

    let change = json!({"language": "ko"});
    let preferences = "/api/workspaces/preferences/-/";
    two.there.patch(preferences, &change).expect(200);
    let here = two.here.get(preferences).expect(200).json();
    assert_eq!(here["language"], "en");
    let (sound, text) = two.system.verify_audit();
    assert!(sound && text.contains("there: "), "{text}");
}

#[test]
fn a_disabled_workspace_refuses_everybody_and_comes_back() {
    let two = Two::start();
    must(&two.system, &["workspace", "disable", "there"], "");
    eventually("the workspace is not served", || {
        (two.there.get("/api/auth/whoami/").status == 403).then_some(())
    });
    two.there
        .get("/api/iam/users/")
        .refuses(403, "workspace_disabled");
    try_log_in(&two.stranger(), "boss", PASSWORD).refuses(403, "workspace_disabled");
    two.here.get("/api/auth/whoami/").expect(200);

    must(&two.system, &["workspace", "enable", "there"], "");
    eventually("the workspace is served again", || {
        (two.there.get("/api/auth/whoami/").status == 200).then_some(())
    });
    let records = two.there.get("/api/audit/activity/?app=workspace");
    let records = records.expect(200).text();
    for action in ["create", "disable", "enable"] {
        assert!(
            records.contains(&format!("{action} workspace")),
            "{records}"
        );
    }
}

#[test]
fn the_operator_is_told_what_does_not_fit() {
    let system = System::start();
    let refused = |arguments: &[&str], reason: &str| {
        let (success, text) = system.operate(arguments, &format!("{PASSWORD}\n"));
        assert!(!success && text.contains(reason), "{arguments:?}: {text}");
    };
    // The first workspace serves every name until it has one of its own.
    refused(
        &["workspace", "create", "two", "--host", "two.test"],
        "set-host default",
    );
    must(
        &system,
        &["workspace", "set-host", "default", "One.Test"],
        "",
    );
    refused(&["workspace", "create", "two"], "--host");
    refused(
        &["workspace", "create", "Two", "--host", "two.test"],
        "lower-case",
    );
    refused(
        &["workspace", "create", "two", "--host", "https://two.test"],
        "without scheme",
    );
    refused(
        &["workspace", "create", "two", "--host", "ONE.test"],
        "another workspace is served under one.test",
    );
    refused(
        &["workspace", "create", "default", "--host", "two.test"],
        "called default already",
    );
    refused(
        &["workspace", "disable", "nope"],
        "no workspace called nope",
    );
    refused(
        &[
            "superuser",
            "create",
            "--workspace",
            "nope",
            "--username",
            "ann",
        ],
        "no workspace called nope",
    );
    let list = must(&system, &["workspace", "list", "--json"], "");
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list[0]["host"], "one.test");
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
}
