//! The small server's file transfers: the public protocol, with a store of its own
//! that can break, lie and be slow.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::fake::{ok, refuse};

/// One transfer.
#[derive(Default)]
pub(crate) struct Object {
    path: String,
    content: Option<Vec<u8>>,
    delivered: bool,
}

/// Transfers, and what goes wrong with them.
#[derive(Default)]
pub(crate) struct Files {
    /// Content of downloads, by path; of several, by the paths joined with a comma.
    pub(crate) host: BTreeMap<&'static str, Vec<u8>>,
    /// Every transfer fails like this.
    pub(crate) failing: Option<&'static str>,
    /// What the host says it sent or got.
    pub(crate) digest: Option<String>,
    /// So many first questions are answered with "in progress".
    pub(crate) slow: usize,
    /// So many first reads of content find none yet.
    pub(crate) late: usize,
    /// The first reads break after so many bytes, one after the other.
    pub(crate) cuts: Vec<usize>,
    /// The store can go on where it broke.
    pub(crate) ranges: bool,
    /// The creation of transfers is refused once like this: status and code.
    pub(crate) refusal: Option<(u16, &'static str)>,
    pub(crate) objects: BTreeMap<String, Object>,
}

impl Files {
    pub(crate) fn with(path: &'static str, content: &[u8]) -> Self {
        Self {
            host: [(path, content.to_vec())].into(),
            ..Self::default()
        }
    }

    pub(crate) fn delivered(&self) -> Vec<(String, Vec<u8>)> {
        self.objects
            .values()
            .filter(|object| object.delivered)
            .map(|object| (object.path.clone(), object.content.clone().unwrap()))
            .collect()
    }

    fn create(&mut self, path: String, content: Option<Vec<u8>>, server: &str) -> Value {
        let id = format!("t-{}", self.objects.len());
        let url = format!("{server}/store/{id}");
        let object = Object {
            path,
            content,
            delivered: false,
        };
        self.objects.insert(id.clone(), object);
        json!({
            "id": id, "upload_url": url, "download_url": url, "command": "c-1", "size": 0,
            "server": {"id": "s-1", "name": "web-01"},
        })
    }

    pub(crate) fn respond(
        &mut self,
        method: &str,
        path: &[&str],
        body: &Value,
        server: &str,
    ) -> Response {
        if method == "POST"
            && let Some((status, code)) = self.refusal.take()
        {
            return refuse(status, code, "Not now.");
        }
        let upload = |name: &Value| {
            format!(
                "{}|{}",
                body["path"].as_str().unwrap(),
                name.as_str().unwrap()
            )
        };
        match (method, path) {
            ("POST", ["uploads"]) => ok(self.create(upload(&body["name"]), None, server)),
            ("POST", ["uploads", "bulk"]) => {
                let names = body["names"].as_array().unwrap();
                ok(names
                    .iter()
                    .map(|name| self.create(upload(name), None, server))
                    .collect())
            }
            ("GET", ["uploads", id, "upload"]) => self.deliver(&[*id]),
            ("POST", ["uploads", "bulk-upload"]) => {
                let ids = body["ids"].as_array().unwrap();
                self.deliver(
                    &ids.iter()
                        .map(|id| id.as_str().unwrap())
                        .collect::<Vec<_>>(),
                )
            }
            ("POST", ["downloads", ..]) => {
                let path = match &body["path"] {
                    Value::Array(paths) => {
                        let paths: Vec<&str> = paths.iter().map(|p| p.as_str().unwrap()).collect();
                        paths.join(",")
                    }
                    path => path.as_str().unwrap().to_owned(),
                };
                let content = self.host.get(path.as_str()).cloned().unwrap_or_default();
                ok(self.create(path, Some(content), server))
            }
            ("GET", [_, id, "status"]) if self.objects.contains_key(*id) => self.status(),
            _ => refuse(404, "", "Not found."),
        }
    }

    fn deliver(&mut self, ids: &[&str]) -> Response {
        for id in ids {
            let object = self.objects.get_mut(*id).unwrap();
            assert!(
                object.content.is_some(),
                "delivered before anything was put"
            );
            object.delivered = true;
        }
        ok(json!({}))
    }

    fn status(&mut self) -> Response {
        if self.slow > 0 {
            self.slow -= 1;
            let body = json!({"code": "webftp_transfer_in_progress", "source": "webftp"});
            return (StatusCode::BAD_REQUEST, axum::Json(body)).into_response();
        }
        ok(json!({
            "success": self.failing.is_none(), "message": self.failing.unwrap_or("done"),
            "sha256": self.digest,
        }))
    }

    pub(crate) fn store(
        &mut self,
        method: &Method,
        id: &str,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Response {
        let object = self.objects.get_mut(id).unwrap();
        if method == Method::PUT {
            assert!(headers.contains_key("content-length"));
            object.content = Some(body.to_vec());
            return StatusCode::OK.into_response();
        }
        if self.late > 0 {
            self.late -= 1;
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        let content = object.content.clone().unwrap();
        let from = headers
            .get("range")
            .and_then(|range| {
                let range = range.to_str().unwrap().strip_prefix("bytes=")?;
                range.strip_suffix('-')?.parse::<usize>().ok()
            })
            .filter(|_| self.ranges)
            .unwrap_or(0);
        let rest = content[from..].to_vec();
        let cut = match self.cuts.is_empty() {
            true => rest.len(),
            false => self.cuts.remove(0),
        };
        let mut response = Response::builder()
            .status(if from > 0 { 206 } else { 200 })
            .header("content-length", rest.len());
        if from > 0 {
            let range = format!("bytes {from}-{}/{}", content.len() - 1, content.len());
            response = response.header("content-range", range);
        }
        let is_cut = cut < rest.len();
        let sent = stream::iter([Ok::<_, std::io::Error>(rest[..cut].to_vec())]);
        // Ready a moment later: what was sent before gets flushed.
        let broken = stream::once(async {
            tokio::task::yield_now().await;
            Err(std::io::Error::other("cut"))
        });
        response
            .body(match is_cut {
                true => Body::from_stream(sent.chain(broken)),
                false => Body::from_stream(sent),
            })
            .unwrap()
    }
}
