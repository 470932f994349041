//! An agent that speaks only the public protocol, step by step under the
//! control of a test. It knows none of our additions, like the public Go agent.

use serde_json::{Value, json};

use crate::{Answer, Api, Credential, OrFail, Socket};

/// A registered and connected agent that does nothing by itself.
#[derive(Debug)]
pub struct PublicAgent {
    name: String,
    id: String,
    key: String,
    api: Api,
    backhaul: Socket,
}

impl PublicAgent {
    #[track_caller]
    pub(crate) fn connect(anonymous: &Api, registration_token: &str, name: &str) -> Self {
        let registered = anonymous
            .as_caller(Credential::Token(registration_token.to_owned()))
            .post(
                "/api/servers/servers/register/",
                &json!({"name": name, "platform": "debian"}),
            )
            .expect(201);
        let id = registered.text_at("/id");
        let key = registered.text_at("/key");
        let api = anonymous.as_caller(Credential::Agent {
            id: id.clone(),
            key: key.clone(),
        });
        let checked = api.get("/api/servers/servers/-/").expect(200).json();
        assert!(
            checked.get("commissioned").is_some_and(Value::is_boolean),
            "no boolean `commissioned` in {checked}"
        );
        let backhaul = match api.socket("/ws/servers/backhaul/") {
            Ok(socket) => socket,
            Err(refusal) => panic!("the backhaul was refused: {refusal:?}"),
        };
        Self {
            name: registered.text_at("/name"),
            id,
            key,
            api,
            backhaul,
        }
    }

    /// Final name of its server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Id of its server.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// REST as this agent.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The backhaul.
    pub fn backhaul(&mut self) -> &mut Socket {
        &mut self.backhaul
    }

    /// The next command; pings on the way are answered.
    #[track_caller]
    pub fn next_command(&mut self) -> Value {
        loop {
            let message = self.backhaul.next_json().or_fail("read the backhaul");
            match message.get("query").and_then(Value::as_str) {
                Some("ping") => self
                    .backhaul
                    .send(r#"{"query":"pong","timestamp":"2026-01-02T03:04:05Z"}"#),
                Some("command") => {
                    return message.get("command").cloned().or_fail("read a command");
                }
                _ => {}
            }
        }
    }

    /// Reports the receipt, with the empty body the public agent sends.
    #[track_caller]
    #[must_use]
    pub fn ack(&self, command: &str) -> Answer {
        self.api.send(
            http::Method::POST,
            &format!("/api/events/commands/{command}/ack/"),
            Some(Vec::new()),
            &[("content-type", "application/json")],
        )
    }

    /// Reports output.
    #[track_caller]
    #[must_use]
    pub fn chunk(&self, command: &str, seq: i64, content: &str) -> Answer {
        self.api.post(
            &format!("/api/events/commands/{command}/chunk/"),
            &json!({"seq": seq, "content": content}),
        )
    }

    /// Reports the end.
    #[track_caller]
    #[must_use]
    pub fn fin(&self, command: &str, exit_code: i64, result: &str) -> Answer {
        self.api.post(
            &format!("/api/events/commands/{command}/fin/"),
            &json!({
                "success": exit_code == 0,
                "result": result,
                "elapsed_time": 0.25,
                "exit_code": exit_code,
            }),
        )
    }
}
