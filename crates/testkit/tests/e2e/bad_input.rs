//! Input that breaks the contract: the documented status, never 500.

use http::Method;
use serde_json::{Value, json};
use testkit::{Api, Credential, PublicAgent, System};

use crate::submission;

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

fn scene() -> (System, PublicAgent, Api) {
    let system = System::start();
    let agent = system.public_agent("host");
    let user = system.api();
    (system, agent, user)
}

/// Every place that takes a JSON object from a user.
const WRITES: [(&str, Method); 17] = [
    ("/api/auth/login/", Method::POST),
    ("/api/events/commands/", Method::POST),
    ("/api/events/subscriptions/", Method::POST),
    ("/api/work-sessions/sessions/", Method::POST),
    ("/api/servers/registration-tokens/", Method::POST),
    ("/api/servers/servers/register/", Method::POST),
    (
        "/api/servers/registration-methods/token-install/guide/",
        Method::POST,
    ),
    ("/api/iam/users/", Method::POST),
    ("/api/iam/groups/", Method::POST),
    ("/api/iam/memberships/", Method::POST),
    ("/api/iam/username/", Method::POST),
    ("/api/workspaces/access-control/-/", Method::PATCH),
    ("/api/webftp/uploads/", Method::POST),
    ("/api/webftp/uploads/bulk/", Method::POST),
    ("/api/webftp/uploads/bulk-upload/", Method::POST),
    ("/api/webftp/downloads/", Method::POST),
    ("/api/webftp/downloads/bulk/", Method::POST),
];

#[test]
fn malformed_json_is_refused_everywhere() {
    let (_system, _agent, user) = scene();
    let bodies: [&[u8]; 6] = [
        b"{",
        b"\"text\"",
        b"[1,2",
        b"{\"a\":}",
        b"\xff\xfe{}",
        b"{\"line\": \"\\ud800\"}",
    ];
    for (path, method) in WRITES {
        for body in bodies {
            let answer = user.send(method.clone(), path, Some(body.to_vec()), JSON);
            assert!(
                (400..500).contains(&answer.status),
                "{method} {path} with {:?}: {} {}",
                String::from_utf8_lossy(body),
                answer.status,
                answer.text()
            );
            let kind = answer.header("content-type");
            assert!(kind.starts_with("application/json"), "{path}: {kind}");
            assert!(answer.json().is_object(), "{path}: {}", answer.text());
        }
    }
}

#[test]
fn wrong_types_are_refused() {
    let (_system, agent, user) = scene();
    let good = submission(agent.id(), "true", None);
    let cases = [
        ("line", json!(7)),
        ("line", json!(["true"])),
        ("line", json!({})),
        ("env", json!(["A=b"])),
        ("env", json!({"A": 1})),
        ("server", json!(12)),
        ("server", json!("not-a-uuid")),
        ("username", json!(false)),
        ("run_after", json!("x")),
        ("run_after", json!(["x"])),
        ("scheduled_at", json!("tomorrow")),
        ("work_session", json!("x")),
    ];
    for (field, value) in cases {
        let mut body = good.clone();
        body[field] = value.clone();
        let answer = user.post("/api/events/commands/", &body);
        assert_eq!(answer.status, 400, "{field} = {value}: {}", answer.text());
        let error = answer.json();
        assert!(
            error.get(field).is_some() || error["detail"].is_string(),
            "{field} = {value}: {error}"
        );
    }
}

#[test]
fn missing_and_empty_members_are_named() {
    let (_system, agent, user) = scene();
    for field in ["line", "server"] {
        let mut body = submission(agent.id(), "true", None);
        body.as_object_mut().unwrap().remove(field);
        let answer = user.post("/api/events/commands/", &body);
        assert!(
            matches!(answer.status, 400 | 404),
            "{field}: {}",
            answer.text()
        );
    }
    for line in ["", "   "] {
        let answer = user.post("/api/events/commands/", &submission(agent.id(), line, None));
        assert_eq!(answer.status, 400, "{line:?}: {}", answer.text());
    }
}

#[test]
fn unknown_members_are_ignored() {
    let (_system, agent, user) = scene();
    let mut body = submission(agent.id(), "true", None);
    body["of_the_future"] = json!({"deep": [1, 2, 3]});
    let answer = user.post("/api/events/commands/", &body);
    assert!((200..300).contains(&answer.status), "{}", answer.text());
}

#[test]
fn null_stands_for_what_the_contract_lets_be_null() {
    let (_system, agent, user) = scene();
    let mut body = submission(agent.id(), "true", None);
    for field in ["env", "scheduled_at"] {
        body[field] = Value::Null;
    }
    let answer = user.post("/api/events/commands/", &body);
    assert!((200..300).contains(&answer.status), "{}", answer.text());
}

#[test]
fn over_long_input_is_refused() {
    let (_system, agent, user) = scene();
    let long = "x".repeat(3 << 20);
    let answer = user.post(
        "/api/events/commands/",
        &submission(agent.id(), &format!("echo {long}"), None),
    );
    assert!(matches!(answer.status, 400 | 413), "{}", answer.status);
    let answer = user.as_caller(Credential::None).post(
        "/api/auth/login/",
        &json!({"username": long, "password": "x"}),
    );
    assert!(matches!(answer.status, 400 | 413), "{}", answer.status);
    let answer = user.get(&format!("/api/servers/servers/?name={}", "n".repeat(4_000)));
    assert!(answer.status < 500, "{}", answer.status);
}

#[test]
fn deep_nesting_is_refused() {
    let (_system, _agent, user) = scene();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (path, method) in WRITES {
        let answer = user.send(method, path, Some(deep.clone().into_bytes()), JSON);
        assert!(
            (400..500).contains(&answer.status),
            "{path}: {}",
            answer.status
        );
    }
}

#[test]
fn control_characters_and_nul_do_not_break_anything() {
    let (_system, agent, user) = scene();
    for line in ["echo \u{0}", "echo \u{7f}\u{1b}[31m", "echo \u{202e}abc"] {
        let answer = user.post("/api/events/commands/", &submission(agent.id(), line, None));
        assert!(answer.status < 500, "{line:?}: {}", answer.status);
    }
}

#[test]
fn ids_and_queries_that_are_none() {
    let (_system, agent, user) = scene();
    let unknown = uuid::Uuid::now_v7();
    for path in [
        "/api/servers/servers/not-a-uuid/".to_owned(),
        format!("/api/servers/servers/{unknown}/"),
        format!("/api/events/commands/{unknown}/"),
        format!("/api/events/commands/{unknown}/chunks/"),
        format!("/api/work-sessions/sessions/{unknown}/"),
        format!("/api/work-sessions/sessions/{unknown}/timeline/"),
        "/api/no-such-thing/".to_owned(),
        "/api/events/commands/%00/".to_owned(),
    ] {
        let answer = user.get(&path).expect(404);
        assert!(
            answer.json()["detail"].is_string(),
            "{path}: {}",
            answer.text()
        );
    }
    for query in [
        "page=0",
        "page=-1",
        "page=x",
        "page=99999999999999999999",
        "page_size=0",
        "page_size=100000",
        "status=%ff",
    ] {
        for list in [
            "/api/servers/servers/",
            "/api/work-sessions/sessions/",
            "/api/events/commands/",
            "/api/audit/activity/",
        ] {
            let answer = user.get(&format!("{list}?{query}"));
            assert!(answer.status < 500, "{list}?{query}: {}", answer.status);
        }
    }
    user.get(&format!(
        "/api/events/commands/{unknown}/chunks/?seq__gte=x&ordering=nonsense"
    ))
    .expect(404);
    drop(agent);
}

#[test]
fn methods_that_are_not_there() {
    let (_system, _agent, user) = scene();
    for list in [
        "/api/servers/servers/",
        "/api/work-sessions/sessions/",
        "/api/servers/registration-tokens/",
    ] {
        user.delete(list).expect(405);
    }
    user.put("/api/auth/whoami/", &json!({})).expect(405);
}

#[test]
fn a_broken_authorization_header_is_401() {
    let (system, _agent, _user) = scene();
    for value in [
        "token=",
        "token=\"\"",
        "token=\"alpat-nonsense\"",
        "Bearer",
        "Bearer x.y.z",
        "Basic YTpi",
        "id=\"x\", key=\"y\"",
        "id=\"\", key=",
        "nonsense",
    ] {
        let answer = system
            .anonymous()
            .as_caller(Credential::Raw(value.to_owned()))
            .get("/api/auth/whoami/");
        assert_eq!(answer.status, 401, "{value}: {}", answer.text());
        assert!(answer.json()["detail"].is_string(), "{}", answer.text());
    }
}

#[test]
fn agents_reports_are_never_refused_for_their_timing() {
    let (_system, agent, _user) = scene();
    let unknown = uuid::Uuid::now_v7().to_string();
    for answer in [
        agent.ack(&unknown),
        agent.chunk(&unknown, 0, "x"),
        agent.fin(&unknown, 0, "x"),
    ] {
        assert!((200..300).contains(&answer.status), "{}", answer.text());
    }
}

#[test]
fn agents_reports_of_wrong_types_are_refused_not_500() {
    let (_system, agent, _user) = scene();
    let path = format!("/api/events/commands/{}/fin/", uuid::Uuid::now_v7());
    for body in [
        json!({"success": "yes"}),
        json!([]),
        json!({"exit_code": "0", "success": true}),
        json!("x"),
    ] {
        let answer = agent.api().post(&path, &body);
        assert!(answer.status < 500, "{body}: {}", answer.status);
    }
}
