//! What makes somebody at a provider a user here, and what does not.

use serde_json::{Value, json};
use testkit::{Answer, OidcProvider};

use super::{PROVIDERS, Scene, is_signed_in, scene};
use crate::{changed, id};

#[test]
fn nobody_is_linked_without_a_rule() {
    let scene = scene();
    scene.provider("corp", &json!({}));
    scene.user("jane", "jane@example.com", &json!({}));
    let users = scene.users();
    for login in ["jane", "eve", "mallory"] {
        let visitor = scene.system.visitor();
        let refused = scene.come_back(&visitor, "corp", login);
        assert_eq!(refused.status(), 403, "{login}: {}", refused.html());
        assert!(!is_signed_in(&visitor), "{login}");
    }
    assert_eq!((scene.links(), scene.logins()), (0, 0));
    assert_eq!(scene.users(), users);
    // What an administrator needs to link them is on record.
    let record = scene.root.get("/api/audit/activity/?page_size=100").json();
    let record = record.to_string();
    for login in ["jane", "eve", "mallory"] {
        let text = format!("sign-in of {login} by identity provider corp refused");
        assert!(record.contains(&text), "{login}: {record}");
    }
}

#[test]
fn verified_addresses_of_the_domains_link_and_no_others() {
    let scene = scene();
    scene.provider("corp", &json!({"link_by_email": true}));
    scene.user("jane", "jane@example.com", &json!({}));
    scene.user("mallory", "mallory@evil.test", &json!({}));
    // Eve has the same address, but nobody verified it.
    for login in ["eve", "mallory"] {
        let visitor = scene.system.visitor();
        let refused = scene.come_back(&visitor, "corp", login);
        assert_eq!(refused.status(), 403, "{login}: {}", refused.html());
    }
    assert_eq!(scene.links(), 0);
    let visitor = scene.system.visitor();
    scene.come_back(&visitor, "corp", "jane").expect(303);
    assert!(is_signed_in(&visitor));
    // From now on the subject counts, whatever becomes of the address.
    let accounts = json!({"jane": {"email": "changed@evil.test", "email_verified": false}});
    scene.idp.set_accounts(&accounts);
    let visitor = scene.system.visitor();
    scene.come_back(&visitor, "corp", "jane").expect(303);
    assert!(is_signed_in(&visitor));
    assert_eq!(scene.links(), 1);
}

#[test]
fn an_address_never_links_whoever_administers() {
    let scene = scene();
    scene.provider("corp", &json!({"link_by_email": true, "provision": true}));
    let users = || scene.users();
    scene.user("jane", "jane@example.com", &json!({"is_staff": true}));
    let before = users();
    let visitor = scene.system.visitor();
    let refused = scene.come_back(&visitor, "corp", "jane");
    assert_eq!(refused.status(), 403, "{}", refused.html());
    assert_eq!((scene.links(), users()), (0, before), "nor is there a twin");
}

#[test]
fn who_comes_to_administer_is_linked_by_a_superuser_only() {
    let scene = scene();
    let rules = json!({"link_by_email": true, "provision": true});
    let provider = scene.provider("corp", &rules);
    let jane = scene.user("jane", "jane@example.com", &json!({}));
    let sign_in = || {
        let visitor = scene.system.visitor();
        (scene.come_back(&visitor, "corp", "jane"), visitor)
    };
    sign_in().0.expect(303);
    for privilege in ["is_staff", "is_superuser"] {
        let path = format!("/api/iam/users/{jane}/");
        scene
            .root
            .patch(&path, &json!({privilege: true}))
            .expect(200);
        let (refused, visitor) = sign_in();
        let html = refused.expect(403).html();
        assert!(html.contains("identity-provider link"), "{html}");
        assert!(!is_signed_in(&visitor), "{privilege}");
        scene
            .root
            .patch(&path, &json!({privilege: false}))
            .expect(200);
        sign_in().0.expect(303);
    }
    let superuser = json!({"is_superuser": true});
    scene
        .root
        .patch(&format!("/api/iam/users/{jane}/"), &superuser)
        .expect(200);
    let links = format!("{PROVIDERS}{provider}/identities/");
    let rule = || {
        scene
            .root
            .get(&links)
            .expect(200)
            .text_at("/results/0/rule")
    };
    assert_eq!(rule(), "email");
    // Only for who it is, and once.
    let other = scene.user("other", "other@example.com", &json!({}));
    let link = |user: &str| {
        let body = json!({"subject": "jane", "user": user});
        scene.root.post(&links, &body)
    };
    link(&other).expect(409);
    link(&jane).expect(201);
    link(&jane).expect(409);
    assert_eq!((rule().as_str(), scene.links()), ("superuser", 1));
    let (page, visitor) = sign_in();
    page.expect(303);
    assert!(is_signed_in(&visitor));
}

#[test]
fn two_users_with_one_address_are_nobody() {
    let scene = scene();
    scene.provider("corp", &json!({"link_by_email": true, "provision": true}));
    scene.user("jane", "jane@example.com", &json!({}));
    scene.user("janet", "janet@example.com", &json!({}));
    let twin = "UPDATE users SET email = 'JANE@example.com' WHERE username = 'janet'";
    assert_eq!(scene.system.database().execute(twin), 1);
    let visitor = scene.system.visitor();
    assert_eq!(scene.come_back(&visitor, "corp", "jane").status(), 403);
    assert_eq!(scene.links(), 0);
}

#[test]
fn an_unknown_person_gets_an_account_without_privileges() {
    let scene = scene();
    for name in ["newcomers", "sre", "dev"] {
        let group = json!({"name": name, "display_name": name});
        scene.root.post("/api/iam/groups/", &group).expect(201);
    }
    scene.provider(
        "corp",
        &json!({
            "provision": true, "default_groups": ["newcomers"],
            "group_claim": "groups", "group_map": {"sre": "sre", "dev": "dev"},
        }),
    );
    let visitor = scene.system.visitor();
    scene.come_back(&visitor, "corp", "jane").expect(303);
    assert!(is_signed_in(&visitor));
    let user = by_email(&scene, "jane@example.com");
    assert_eq!(user["first_name"], "Jane");
    assert_eq!(
        user["username"], "",
        "account names are chosen later, by their rules"
    );
    assert_eq!(user["is_staff"], false);
    assert_eq!(user["is_superuser"], false);
    assert_eq!(groups(&scene, &user), ["alpacon", "newcomers", "sre"]);

    // Claims of a later sign-in change the groups of the map, and nothing else.
    let claims = json!({"jane": {
        "email": "jane@example.com", "email_verified": true,
        "groups": ["dev", "superuser", "is_superuser", "alpacon", "newcomers"],
        "is_superuser": true, "is_staff": true,
    }});
    scene.idp.set_accounts(&claims);
    let visitor = scene.system.visitor();
    scene.come_back(&visitor, "corp", "jane").expect(303);
    let user = by_email(&scene, "jane@example.com");
    assert_eq!(groups(&scene, &user), ["alpacon", "dev", "newcomers"]);
    assert_eq!(user["is_staff"], false);
    assert_eq!(user["is_superuser"], false);

    // A provider that says nothing of groups takes nothing.
    let claims = json!({"jane": {"email": "jane@example.com", "email_verified": true}});
    scene.idp.set_accounts(&claims);
    let visitor = scene.system.visitor();
    scene.come_back(&visitor, "corp", "jane").expect(303);
    assert_eq!(groups(&scene, &user), ["alpacon", "dev", "newcomers"]);

    // Nor does it take what people gave.
    let membership = membership_in(&scene, &user, "dev");
    scene.system.database().execute(&format!(
        "UPDATE memberships SET role = 'owner' WHERE id = {}",
        scene.system.database().uuid(&id(&membership))
    ));
    let claims = json!({"jane": {
        "email": "jane@example.com", "email_verified": true, "groups": [],
    }});
    scene.idp.set_accounts(&claims);
    let visitor = scene.system.visitor();
    scene.come_back(&visitor, "corp", "jane").expect(303);
    assert_eq!(groups(&scene, &user), ["alpacon", "dev", "newcomers"]);
}

#[test]
fn who_is_deactivated_or_locked_stays_out() {
    let scene = scene();
    scene.provider("corp", &json!({"link_by_email": true}));
    let jane = scene.user("jane", "jane@example.com", &json!({}));
    let path = format!("/api/iam/users/{jane}/");
    let lock = json!({"kind": "user", "object": jane, "reason": "lost laptop"});
    let lock = scene.root.post("/api/security/locks/", &lock).expect(201);
    let visitor = scene.system.visitor();
    assert_eq!(scene.come_back(&visitor, "corp", "jane").status(), 403);
    assert!(!is_signed_in(&visitor));
    let lock = format!("/api/security/locks/{}/", id(&lock.json()));
    scene.root.delete(&lock).expect(204);
    scene
        .root
        .patch(&path, &json!({"is_active": false}))
        .expect(200);
    let visitor = scene.system.visitor();
    let refused = scene.come_back(&visitor, "corp", "jane");
    assert_eq!(refused.status(), 403, "{}", refused.html());
    assert_eq!(scene.logins(), 0);
}

#[test]
fn settings_that_trust_too_much_cannot_be_made() {
    let scene = scene();
    let base = json!({
        "slug": "corp", "issuer": scene.idp.issuer(), "client_id": "confidential",
        "email_domains": ["example.com"],
    });
    let post =
        |changes: &Value| -> Answer { scene.root.post(PROVIDERS, &changed(base.clone(), changes)) };
    for changes in [
        json!({"slug": ""}),
        json!({"slug": "Corp"}),
        json!({"slug": "a/b"}),
        json!({"issuer": ""}),
        json!({"issuer": "http://idp.example.com"}),
        json!({"issuer": "https://169.254.169.254"}),
        json!({"issuer": format!("{}/", scene.idp.issuer())}),
        json!({"client_id": " "}),
        json!({"email_domains": [], "link_by_email": true}),
        json!({"email_domains": [], "provision": true}),
        json!({"email_domains": ["*.com"]}),
        json!({"email_domains": ["com"]}),
        json!({"default_groups": ["nowhere"]}),
        json!({"default_groups": ["alpacon"]}),
        json!({"group_claim": "groups", "group_map": {"a": "nowhere"}}),
        json!({"group_claim": "groups", "group_map": {"a": "alpacon"}}),
        json!({"scopes": ["a b"]}),
    ] {
        let answer = post(&changes);
        assert_eq!(answer.status, 400, "{changes}: {}", answer.text());
    }
    let created = post(&json!({})).expect(201).json();
    assert_eq!(created["has_secret"], false);
    post(&json!({})).expect(409);
    let path = format!("{PROVIDERS}{}/", id(&created));
    let secret = json!({"client_secret": OidcProvider::SECRET});
    let changed = scene.root.patch(&path, &secret).expect(200);
    assert_eq!(changed.json()["has_secret"], true);
    assert!(
        !changed.text().contains("client secret"),
        "{}",
        changed.text()
    );
    // Sent back whole, it keeps the secret; and what it is about stays.
    let mut document = changed.json();
    document["issuer"] = json!("https://evil.example");
    document["slug"] = json!("evil");
    document["name"] = json!("Corporation");
    let changed = scene.root.patch(&path, &document).expect(200).json();
    assert_eq!(changed["issuer"], scene.idp.issuer());
    assert_eq!(changed["slug"], "corp");
    assert_eq!(changed["name"], "Corporation");
    assert_eq!(changed["has_secret"], true);
    let removed = scene.root.patch(&path, &json!({"client_secret": ""}));
    assert_eq!(removed.expect(200).json()["has_secret"], false);
    let answer = scene
        .root
        .patch(&path, &json!({"email_domains": [], "provision": true}));
    assert_eq!(answer.status, 400);
}

/// An account that a provider made has no name to call it by.
#[test]
fn the_cli_links_people_by_name_and_by_id() {
    let scene = scene();
    scene.provider("corp", &json!({}));
    let jane = scene.user("jane", "jane@nowhere.test", &json!({}));
    let cli = scene.system.cli_with_password();
    let link = |subject: &str, user: &str| {
        let words = ["identity-provider", "link", "corp", "--subject", subject];
        cli.run(&[&words[..], &["--user", user]].concat()).exits(0);
    };
    link("by-name", "jane");
    link("by-id", &jane);
    let words = [
        "identity-provider",
        "identities",
        "corp",
        "--output",
        "json",
    ];
    let rows = cli.run(&words).exits(0).json();
    for (row, subject) in ["by-name", "by-id"].iter().enumerate() {
        assert_eq!(rows[row]["subject"], *subject);
        assert_eq!(rows[row]["user"], jane);
    }
    let words = ["identity-provider", "unlink", "corp", "--subject", "by-id"];
    cli.run(&words).exits(0);
    assert_eq!(scene.links(), 1);
}

#[test]
fn a_provider_can_be_disabled_when_a_group_of_its_is_gone() {
    let scene = scene();
    let group = scene.root.post(
        "/api/iam/groups/",
        &json!({"name": "sre", "display_name": "sre"}),
    );
    let group = id(&group.expect(201).json());
    let more = json!({
        "default_groups": ["sre"], "group_claim": "groups", "group_map": {"sre": "sre"},
    });
    let path = format!("{PROVIDERS}{}/", scene.provider("corp", &more));
    scene
        .root
        .delete(&format!("/api/iam/groups/{group}/"))
        .expect(204);
    let changed = scene.root.patch(&path, &json!({"enabled": false}));
    let document = changed.expect(200).json();
    assert_eq!(document["enabled"], false);
    scene.root.patch(&path, &document).expect(200);
    // Another one that is not there cannot be named.
    for (field, value) in [
        ("default_groups", json!(["sre", "nowhere"])),
        ("group_map", json!({"sre": "sre", "dev": "nowhere"})),
    ] {
        let answer = scene.root.patch(&path, &json!({field: value.clone()}));
        assert_eq!(answer.status, 400, "{field} {value}: {}", answer.text());
    }
}

#[test]
fn only_superusers_with_a_login_manage_providers() {
    let scene = scene();
    let provider = scene.provider("corp", &json!({}));
    let path = format!("{PROVIDERS}{provider}/");
    let api = scene.system.api();
    api.get(PROVIDERS).expect(403);
    api.get(&path).expect(403);
    api.patch(&path, &json!({"provision": true})).expect(403);
    api.delete(&path).expect(403);
    let link = format!("{path}identities/");
    api.get(&link).expect(403);
    api.post(&link, &json!({"subject": "x"})).expect(403);
    scene.system.anonymous().get(PROVIDERS).expect(401);
    scene.root.delete(&path).expect(204);
    scene.root.get(&path).expect(404);
    assert!(
        !scene
            .system
            .visitor()
            .get("/login/")
            .html()
            .contains("Corp")
    );
}

fn by_email(scene: &Scene, email: &str) -> Value {
    let rows = scene.root.get("/api/iam/users/?page_size=100").json();
    let rows = rows["results"].as_array().unwrap().clone();
    rows.into_iter()
        .find(|row| row["email"] == email)
        .unwrap_or_else(|| panic!("no user with {email}"))
}

fn memberships(scene: &Scene, user: &Value) -> Vec<Value> {
    let path = format!("/api/iam/memberships/?user={}&page_size=100", id(user));
    let rows = scene.root.get(&path).expect(200).json();
    rows["results"].as_array().unwrap().clone()
}

fn group_name(scene: &Scene, membership: &Value) -> String {
    let group = membership["group"].as_str().unwrap();
    let group = scene.root.get(&format!("/api/iam/groups/{group}/")).json();
    group["name"].as_str().unwrap().to_owned()
}

fn groups(scene: &Scene, user: &Value) -> Vec<String> {
    let mut names: Vec<String> = memberships(scene, user)
        .iter()
        .map(|row| group_name(scene, row))
        .collect();
    names.sort();
    names
}

fn membership_in(scene: &Scene, user: &Value, group: &str) -> Value {
    memberships(scene, user)
        .into_iter()
        .find(|row| group_name(scene, row) == group)
        .unwrap_or_else(|| panic!("not in {group}"))
}
