//! Generated from the contract: nothing of one workspace is in reach of another, whatever
//! route there is. A new route is tried without anybody adding it here.

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Api, Credential, MailServer, System};

use super::Two;
use super::contract::{Contract, Operation, ids_in};
use crate::accounts::{create_user, log_in};
use crate::{create_session, id, submission};

/// Part of every name in the foreign workspace. Whoever reads it has seen too much.
const CANARY: &str = "zebra";

/// Routes that are there for everybody: each is a decision.
const PUBLIC: [(&str, &str); 5] = [
    ("POST", "/api/auth/login/"),
    ("POST", "/api/auth/password/"),
    ("POST", "/api/auth/password/reset/"),
    ("POST", "/api/auth/password/reset/complete/"),
    ("POST", "/api/auth/invitations/accept/"),
];

/// Routes whose address holds its own credential, a signature: refused with 403.
const SIGNED: [&str; 1] = ["/api/webftp/objects/"];

/// Objects of every noun in the foreign workspace.
fn furnish(two: &Two) {
    let there = &two.there;
    let user = create_user(there, "zebra-user", &json!({"first_name": CANARY}));
    let group = json!({"name": "zebra-group", "display_name": CANARY, "description": CANARY});
    let group = id(&there.post("/api/iam/groups/", &group).expect(201).json());
    let member = json!({"group": group, "user": user, "role": "member"});
    there.post("/api/iam/memberships/", &member).expect(201);
    let registration = json!({"name": "zebra-registration"});
    let registration = there.post("/api/servers/registration-tokens/", &registration);
    let key = Credential::Token(registration.expect(201).text_at("/key"));
    let host = json!({"name": "zebra-host", "platform": "debian"});
    let server = there
        .as_caller(key)
        .post("/api/servers/servers/register/", &host)
        .expect(201)
        .text_at("/id");
    let token = json!({"name": "zebra-token", "scopes": ["*"]});
    let token = id(&there.post("/api/auth/tokens/", &token).expect(201).json());
    for (list, rule) in [
        ("command", json!({"token": token, "command": CANARY})),
        ("server", json!({"token": token, "server": server})),
        (
            "file",
            json!({"token": token, "path": "/zebra", "action": "*"}),
        ),
    ] {
        let path = format!("/api/security/{list}-acl/");
        there.post(&path, &rule).expect(201);
    }
    let rules = json!({"work_session_approval": "never"});
    there
        .patch("/api/workspaces/access-control/-/", &rules)
        .expect(200);
    let more = json!({"title": CANARY, "description": CANARY});
    let session = id(&create_session(there, &server, &["command"], &more));
    let mut line = submission(&server, "echo zebra", Some(&session));
    line["scheduled_at"] = json!(crate::from_now(3600));
    there.post("/api/events/commands/", &line).expect_success();
    let lock = json!({"kind": "token", "object": token, "reason": CANARY});
    there.post("/api/security/locks/", &lock).expect(201);
    let invitation = json!({"email": "zebra@example.com"});
    there
        .post("/api/workspaces/users/invite/", &invitation)
        .expect(200);
}

fn furnished() -> (Two, MailServer) {
    let mail = MailServer::start();
    let mut environment = mail.environment();
    let url = "http://127.0.0.1:1".to_owned();
    environment.push(("ALPACON_SERVER__PUBLIC_URL".to_owned(), url));
    let two = Two::with(environment);
    furnish(&two);
    (two, mail)
}

/// What holds something made for each answer.
const TOLD_ANEW: [&str; 2] = ["/api/auth/env/", "/api/auth0/mfa/"];

/// What is the same text for everybody, and no JSON.
const TEXT: &str = "/api/security/guardrails/schema/";

/// Everything that the superuser of a workspace can list there.
fn everything(api: &Api, contract: &Contract) -> Vec<(String, Value)> {
    let lists = contract.operations.iter().filter(|operation| {
        operation.method == "GET"
            && !operation.path.contains('{')
            && operation.path.starts_with("/api/")
            && !TOLD_ANEW.contains(&operation.path.as_str())
            && operation.path != TEXT
    });
    let mut found = Vec::new();
    for operation in lists {
        let answer = api.get(&format!("{}?page_size=100", operation.path));
        if answer.status == 200 {
            found.push((operation.path.clone(), answer.json()));
        }
    }
    assert!(found.len() > 10, "{} lists", found.len());
    found
}

fn ids_of(lists: &[(String, Value)]) -> Vec<String> {
    let mut ids = Vec::new();
    for (_, list) in lists {
        ids_in(list, &mut ids);
    }
    ids
}

fn call(api: &Api, operation: &Operation, path: &str, body: &Value) -> Answer {
    let method: Method = operation.method.parse().unwrap();
    if method == Method::GET || method == Method::DELETE {
        return api.send(method, path, None, &[]);
    }
    let headers = [("content-type", "application/json")];
    api.send(method, path, Some(body.to_string().into_bytes()), &headers)
}

fn filled(path: &str, id: &str) -> String {
    let mut filled = path.to_owned();
    while let Some((before, rest)) = filled.clone().split_once('{') {
        let after = rest.split_once('}').map_or("", |(_, after)| after);
        filled = format!("{before}{id}{after}");
    }
    filled
}

#[test]
fn no_route_reaches_an_object_of_another_workspace() {
    let (two, _mail) = furnished();
    let contract = Contract::of(&two.here);
    let before = everything(&two.there, &contract);
    assert!(json!(before).to_string().contains(CANARY));
    let mut foreign = ids_of(&before);
    let own = ids_of(&everything(&two.here, &contract));
    foreign.retain(|id| !own.contains(id));
    assert!(foreign.len() > 12, "{foreign:?}");

    let mut tried = 0;
    let mut leaks = Vec::new();
    for operation in &contract.operations {
        if !operation.path.contains('{') {
            continue;
        }
        // One leak of a route is enough to name it.
        'route: for id in &foreign {
            let path = filled(&operation.path, id);
            for api in [&two.here, &two.system.api()] {
                let (body, _) = contract.body(operation, id);
                let answer = call(api, operation, &path, &body);
                tried += 1;
                let told = answer.text().contains(CANARY);
                if ![403, 404].contains(&answer.status) || told {
                    let text: String = answer.text().chars().take(200).collect();
                    leaks.push(format!(
                        "{} {path}: {} {text}",
                        operation.method, answer.status
                    ));
                    break 'route;
                }
            }
        }
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    assert!(tried > 500, "{tried} calls");
    assert_eq!(everything(&two.there, &contract), before);
}

#[test]
fn no_body_and_no_filter_names_an_object_of_another_workspace() {
    let (two, _mail) = furnished();
    let contract = Contract::of(&two.here);
    let before = everything(&two.there, &contract);
    let own = ids_of(&everything(&two.here, &contract));
    let mut foreign = ids_of(&before);
    foreign.retain(|id| !own.contains(id));

    let mut leaks = Vec::new();
    let mut tried = 0;
    for operation in &contract.operations {
        if operation.path.contains('{') {
            continue;
        }
        for id in &foreign {
            if operation.method == "GET" {
                for name in &operation.query {
                    let path = format!("{}?{name}={id}", operation.path);
                    let answer = two.here.get(&path);
                    tried += 1;
                    if answer.status >= 500 || answer.text().contains(CANARY) {
                        leaks.push(format!("GET {path}: {} {}", answer.status, answer.text()));
                    }
                }
                continue;
            }
            let (body, holds_id) = contract.body(operation, id);
            if !holds_id || PUBLIC.contains(&(&operation.method, &operation.path)) {
                continue;
            }
            let answer = call(&two.here, operation, &operation.path, &body);
            tried += 1;
            if !(400..500).contains(&answer.status) || answer.text().contains(CANARY) {
                leaks.push(format!(
                    "{} {} {body}: {} {}",
                    operation.method,
                    operation.path,
                    answer.status,
                    answer.text()
                ));
                break;
            }
        }
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    assert!(tried > 100, "{tried} calls");
    assert_eq!(everything(&two.there, &contract), before);
}

#[test]
fn nobody_changes_anything_without_a_credential() {
    let (two, _mail) = furnished();
    let contract = Contract::of(&two.here);
    let before = everything(&two.there, &contract);
    let own = ids_of(&before);
    let strangers = [
        Credential::None,
        Credential::Token("alpat-nothing".to_owned()),
        Credential::Raw("Bearer nothing".to_owned()),
        Credential::Agent {
            id: own[0].clone(),
            key: "alpak-nothing".to_owned(),
        },
    ];
    let mut open = Vec::new();
    for operation in &contract.operations {
        let name = (operation.method.as_str(), operation.path.as_str());
        if operation.method == "GET" || PUBLIC.contains(&name) {
            continue;
        }
        // Token exchange and revocation prove themselves in their bodies.
        if operation.path.starts_with("/oauth/") {
            continue;
        }
        for credential in &strangers {
            let api = two.stranger().as_caller(credential.clone());
            for id in own.iter().take(3) {
                let (body, _) = contract.body(operation, id);
                let path = filled(&operation.path, id);
                let answer = call(&api, operation, &path, &body);
                // Guessing registration tokens is slowed down.
                let is_signed = SIGNED.iter().any(|path| operation.path.starts_with(path));
                let refused =
                    [401, 429].contains(&answer.status) || (is_signed && answer.status == 403);
                if !refused {
                    open.push(format!("{} {path}: {}", operation.method, answer.status));
                }
            }
        }
    }
    open.dedup();
    assert!(open.is_empty(), "{}", open.join("\n"));
    assert_eq!(everything(&two.there, &contract), before);
}

#[test]
fn filters_are_values_and_nothing_else() {
    let (two, _mail) = furnished();
    let contract = Contract::of(&two.here);
    let there = two
        .there
        .get("/api/iam/users/-/")
        .expect(200)
        .text_at("/id");
    let values = [
        "%27%20OR%20%271%27=%271",
        "%27%20UNION%20SELECT%20*%20FROM%20users%20--",
        "%25",
        "_",
        "*",
        "%22",
        "%5C",
        "..%2F..",
        "%7B%22%24ne%22:null%7D",
        "%F0%9F%A6%93",
        "%E2%80%AE",
    ];
    let foreign = [
        format!("workspace_id={there}"),
        format!("workspace={there}"),
        "user__password_hash__startswith=a".to_owned(),
        "password_hash__startswith=%24argon2id".to_owned(),
        "key_hash__startswith=a".to_owned(),
        "ordering=-password_hash".to_owned(),
        "page=999999999999".to_owned(),
        "page_size=999999999999".to_owned(),
    ];
    let lists = contract
        .operations
        .iter()
        .filter(|operation| operation.method == "GET" && !operation.path.contains('{'));
    for operation in lists {
        if !operation.path.starts_with("/api/") || operation.path == TEXT {
            continue;
        }
        let all = two.here.get(&operation.path);
        let count = |answer: &Answer| answer.json()["count"].as_u64();
        let named = operation
            .query
            .iter()
            .flat_map(|name| values.iter().map(move |value| format!("{name}={value}")));
        for query in named.chain(foreign.iter().cloned()) {
            let path = format!("{}?{query}", operation.path);
            let answer = two.here.get(&path);
            assert!(answer.status < 500, "{path}: {}", answer.text());
            assert!(!answer.text().contains(CANARY), "{path}: {}", answer.text());
            for secret in ["argon2id", "password_hash", "key_hash", "token_hash"] {
                assert!(!answer.text().contains(secret), "{path}");
            }
            // What a list does not know narrows nothing, but never widens it.
            if answer.status == 200 && all.status == 200 && !query.starts_with("page") {
                assert!(count(&answer) <= count(&all), "{path}: {}", answer.text());
            }
        }
    }
}

/// What people change of their own account; everything else in the document is not theirs.
const OWN: [&str; 5] = ["first_name", "last_name", "phone", "description", "shell"];

#[test]
fn a_patch_of_what_is_not_ones_own_changes_nothing() {
    let system = System::start();
    let root = system.api_with_password();
    let user = create_user(&root, "uma", &json!({}));
    let uma = log_in(&system.anonymous(), "uma");
    let path = format!("/api/iam/users/{user}/");
    let before = uma.get(&path).expect(200).json();
    let mut names: Vec<String> = before.as_object().unwrap().keys().cloned().collect();
    let hidden = [
        "workspace_id",
        "workspace",
        "password",
        "password_hash",
        "must_change_password",
        "groups",
        "role",
    ];
    names.extend(hidden.map(str::to_owned));
    for name in names {
        if OWN.contains(&name.as_str()) {
            continue;
        }
        let other = match &before[&name] {
            Value::Bool(flag) => json!(!flag),
            Value::Number(_) => json!(0),
            Value::String(text) if text.parse::<uuid::Uuid>().is_ok() => {
                json!(uuid::Uuid::now_v7())
            }
            Value::String(_) => json!("other@example.com"),
            _ => json!("other"),
        };
        for body in [
            json!({&name: other}),
            json!({&name: other, "first_name": "U"}),
        ] {
            let answer = uma.patch(&path, &body);
            assert!(answer.status < 500, "{body}: {}", answer.text());
            let after = root.get(&path).expect(200).json();
            assert_eq!(after[&name], before[&name], "{body}");
        }
        let query = format!(
            "SELECT count(*) FROM users WHERE id = {} AND (is_superuser OR is_staff)",
            system.database().uuid(&user)
        );
        assert_eq!(system.database().integer(&query), 0, "{name}");
    }
    log_in(&system.anonymous(), "uma");
}

#[test]
fn nobody_promotes_themselves_by_a_group() {
    let system = System::start();
    let root = system.api_with_password();
    let user = create_user(&root, "uma", &json!({}));
    let uma = log_in(&system.anonymous(), "uma");
    let group = json!({"name": "ops", "display_name": "ops"});
    let group = id(&root.post("/api/iam/groups/", &group).expect(201).json());
    let join = |role: &str| json!({"group": group, "user": user, "role": role});
    for role in ["member", "manager", "owner", "superuser"] {
        let answer = uma.post("/api/iam/memberships/", &join(role));
        assert!((400..500).contains(&answer.status), "{role}");
    }
    let member = root
        .post("/api/iam/memberships/", &join("member"))
        .expect(201);
    let membership = format!("/api/iam/memberships/{}/", id(&member.json()));
    for role in ["manager", "owner"] {
        let answer = uma.post("/api/iam/memberships/", &join(role));
        assert!((400..500).contains(&answer.status), "{role}");
        let answer = uma.patch(&membership, &json!({"role": role}));
        assert!((400..500).contains(&answer.status), "{role}");
    }
    let path = format!("/api/iam/groups/{group}/");
    for change in [
        json!({"display_name": "mine"}),
        json!({"servers": [], "description": "mine"}),
        json!({"members": [user], "owner": user}),
    ] {
        let answer = uma.patch(&path, &change);
        assert!(answer.status == 403 || answer.json()["display_name"] == "ops");
    }
    let rows = uma.get(&format!("/api/iam/memberships/?user={user}&group={group}"));
    assert_eq!(rows.expect(200).json()[0]["role"], "member");
}
