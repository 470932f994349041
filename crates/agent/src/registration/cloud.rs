//! Which cloud a machine runs in, as tags for its registration
//! (`agent-control.md` §16). A machine outside any cloud costs the time of three
//! probes; every failure only means fewer tags.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use reqwest::{Client, Method, redirect};
use serde_json::Value;
use transport::tls::Trust;

/// Everything together.
const BUDGET: Duration = Duration::from_secs(5);
const PROBE: Duration = Duration::from_millis(800);
const FETCH: Duration = Duration::from_secs(2);
/// The address that clouds answer on.
const METADATA: &str = "http://169.254.169.254";

type Tags = BTreeMap<String, String>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provider {
    Aws,
    Gcp,
    Azure,
}

/// The tags of this machine's cloud; none outside of one.
pub(super) async fn tags() -> Tags {
    let Ok(service) = Metadata::new(METADATA) else {
        return Tags::new();
    };
    let order = order(Path::new("/sys/class/dmi/id"));
    let probing = async {
        for provider in order {
            if let Some(tags) = service.ask(provider).await {
                return tags;
            }
        }
        Tags::new()
    };
    tokio::time::timeout(BUDGET, probing)
        .await
        .unwrap_or_default()
}

/// All providers, first the one that the firmware hints at.
fn order(dmi: &Path) -> [Provider; 3] {
    use Provider::{Aws, Azure, Gcp};
    for name in [
        "sys_vendor",
        "chassis_asset_tag",
        "board_vendor",
        "bios_vendor",
    ] {
        let text = std::fs::read_to_string(dmi.join(name)).unwrap_or_default();
        let text = text.to_lowercase();
        if text.contains("amazon") || text.contains("aws") {
            return [Aws, Gcp, Azure];
        }
        if text.contains("google") {
            return [Gcp, Aws, Azure];
        }
        if text.contains("microsoft corporation") {
            return [Azure, Aws, Gcp];
        }
    }
    [Aws, Gcp, Azure]
}

struct Metadata {
    http: Client,
    base: String,
}

impl Metadata {
    fn new(base: &str) -> anyhow::Result<Self> {
        let tls = transport::tls::client_config(&Trust::System)?;
        let http = Client::builder()
            .tls_backend_preconfigured(tls.as_ref().clone())
            .no_proxy()
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self {
            http,
            base: base.to_owned(),
        })
    }

    async fn ask(&self, provider: Provider) -> Option<Tags> {
        match provider {
            Provider::Aws => self.aws().await,
            Provider::Gcp => self.gcp().await,
            Provider::Azure => self.azure().await,
        }
    }

    async fn aws(&self) -> Option<Tags> {
        const LIMIT: usize = 8 * 1024;
        let lifetime = ("X-aws-ec2-metadata-token-ttl-seconds", "21600");
        let token = self
            .request(Method::PUT, "/latest/api/token", lifetime, PROBE, LIMIT)
            .await?;
        let token = ("X-aws-ec2-metadata-token", token.as_str());
        let get = |path: String| async move {
            self.request(Method::GET, &path, token, FETCH, LIMIT).await
        };
        let document = get("/latest/dynamic/instance-identity/document".to_owned()).await;
        let document = parse(document.as_deref());
        let mac = get("/latest/meta-data/mac".to_owned()).await;
        let network = match mac.as_deref().map(str::trim).filter(|mac| is_mac(mac)) {
            Some(mac) => {
                let interface = "/latest/meta-data/network/interfaces/macs";
                get(format!("{interface}/{mac}/vpc-id")).await
            }
            None => None,
        };
        Some(named(
            "aws",
            [
                ("instance_id", text(&document, "/instanceId")),
                ("region", text(&document, "/region")),
                ("availability_zone", text(&document, "/availabilityZone")),
                ("instance_type", text(&document, "/instanceType")),
                ("network_id", network.unwrap_or_default()),
                ("account_id", text(&document, "/accountId")),
            ],
        ))
    }

    async fn gcp(&self) -> Option<Tags> {
        const LIMIT: usize = 4 * 1024;
        let flavor = ("Metadata-Flavor", "Google");
        let get = |name: &'static str, limit| async move {
            let path = format!("/computeMetadata/v1/{name}");
            self.request(Method::GET, &path, flavor, limit, LIMIT).await
        };
        let id = get("instance/id", PROBE).await?;
        let last = |path: Option<String>| {
            let path = path.unwrap_or_default();
            path.rsplit('/').next().unwrap_or_default().to_owned()
        };
        let zone = last(get("instance/zone", FETCH).await);
        let region = match zone.rsplit_once('-') {
            Some((region, suffix)) if suffix.len() == 1 => region.to_owned(),
            _ => zone.clone(),
        };
        let kind = last(get("instance/machine-type", FETCH).await);
        let network = last(get("instance/network-interfaces/0/network", FETCH).await);
        let project = get("project/project-id", FETCH).await.unwrap_or_default();
        Some(named(
            "gcp",
            [
                ("instance_id", id),
                ("region", region),
                ("availability_zone", zone),
                ("instance_type", kind),
                ("network_id", network),
                ("account_id", project),
            ],
        ))
    }

    async fn azure(&self) -> Option<Tags> {
        const LIMIT: usize = 32 * 1024;
        let path = "/metadata/instance?api-version=2021-02-01";
        let answer = self
            .request(Method::GET, path, ("Metadata", "true"), PROBE, LIMIT)
            .await?;
        let answer = parse(Some(&answer));
        let id = text(&answer, "/compute/vmId");
        if id.is_empty() {
            return None;
        }
        Some(named(
            "azure",
            [
                ("instance_id", id),
                ("region", text(&answer, "/compute/location")),
                ("availability_zone", text(&answer, "/compute/zone")),
                ("instance_type", text(&answer, "/compute/vmSize")),
                ("account_id", text(&answer, "/compute/subscriptionId")),
                ("network_id", String::new()),
            ],
        ))
    }

    /// The text of a 200 answer within the limits. Google's carries the request's
    /// header back, which tells it from a stranger on the same address.
    async fn request(
        &self,
        method: Method,
        path: &str,
        header: (&str, &str),
        timeout: Duration,
        limit: usize,
    ) -> Option<String> {
        let mut response = self
            .http
            .request(method, format!("{}{path}", self.base))
            .header(header.0, header.1)
            .timeout(timeout)
            .send()
            .await
            .ok()?;
        if response.status() != reqwest::StatusCode::OK {
            return None;
        }
        if header.0 == "Metadata-Flavor" && response.headers().get(header.0)? != header.1 {
            return None;
        }
        let mut body = Vec::new();
        while let Some(bytes) = response.chunk().await.ok()? {
            body.extend_from_slice(&bytes);
            if body.len() > limit {
                return None;
            }
        }
        let text = String::from_utf8(body).ok()?;
        Some(text.trim().to_owned())
    }
}

fn named(provider: &str, values: [(&str, String); 6]) -> Tags {
    std::iter::once(("provider", provider.to_owned()))
        .chain(values)
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (format!("cloud:{name}"), value))
        .collect()
}

fn parse(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

fn text(document: &Value, pointer: &str) -> String {
    document
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn is_mac(text: &str) -> bool {
    text.len() == 17 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::{get, put};

    use super::*;

    async fn serve(router: Router) -> Metadata {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Metadata::new(&base).unwrap()
    }

    #[tokio::test]
    async fn reads_amazon() {
        let document = r#"{"instanceId":"i-1","region":"eu-1","availabilityZone":null}"#;
        let router = Router::new()
            .route("/latest/api/token", put(|| async { "token" }))
            .route(
                "/latest/dynamic/instance-identity/document",
                get(move || async move { document }),
            )
            .route(
                "/latest/meta-data/mac",
                get(|| async { "0a:0b:0c:0d:0e:0f" }),
            )
            .route(
                "/latest/meta-data/network/interfaces/macs/0a:0b:0c:0d:0e:0f/vpc-id",
                get(|| async { "vpc-1" }),
            );
        let tags = serve(router).await.ask(Provider::Aws).await.unwrap();
        let expected = [
            ("cloud:instance_id", "i-1"),
            ("cloud:network_id", "vpc-1"),
            ("cloud:provider", "aws"),
            ("cloud:region", "eu-1"),
        ];
        let expected: Tags = expected
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        assert_eq!(tags, expected);
    }

    #[tokio::test]
    async fn google_must_say_so() {
        let stranger = Router::new().fallback(|| async { "12" });
        assert_eq!(serve(stranger).await.ask(Provider::Gcp).await, None);
        let google = Router::new().fallback(|request: axum::extract::Request| async move {
            let zone = request.uri().path().ends_with("/zone");
            let body = if zone {
                "projects/1/zones/eu-west1-b"
            } else {
                "12"
            };
            ([("Metadata-Flavor", "Google")], body)
        });
        let tags = serve(google).await.ask(Provider::Gcp).await.unwrap();
        assert_eq!(tags["cloud:region"], "eu-west1");
        assert_eq!(tags["cloud:availability_zone"], "eu-west1-b");
    }

    #[tokio::test]
    async fn a_machine_elsewhere_has_no_tags() {
        let nothing = serve(Router::new()).await;
        for provider in order(Path::new("/does/not/exist")) {
            assert_eq!(nothing.ask(provider).await, None);
        }
    }

    #[test]
    fn the_firmware_decides_who_is_asked_first() {
        let dmi = tempfile::tempdir().unwrap();
        std::fs::write(dmi.path().join("bios_vendor"), "Google\n").unwrap();
        assert_eq!(order(dmi.path())[0], Provider::Gcp);
        std::fs::write(dmi.path().join("sys_vendor"), "Microsoft Corporation\n").unwrap();
        assert_eq!(order(dmi.path())[0], Provider::Azure);
    }
}
