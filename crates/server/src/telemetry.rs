//! Logs and metrics.

use std::io::IsTerminal as _;
use std::time::Duration;

use http::{Method, StatusCode};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Starts logging to standard error. `filter` is overruled by `RUST_LOG`.
pub(crate) fn start_logging(filter: &str, format: LogFormat) {
    let filter = EnvFilter::try_from_default_env()
        .or_else(|_| EnvFilter::try_new(filter))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}

/// The metrics of one server. Not the process-wide recorder, so that several
/// servers in one process do not mix.
pub(crate) struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        Self { recorder, handle }
    }

    pub(crate) fn request(
        &self,
        method: &Method,
        path: String,
        status: StatusCode,
        elapsed: Duration,
    ) {
        metrics::with_local_recorder(&self.recorder, || {
            let labels = [
                ("method", method.to_string()),
                ("path", path),
                ("status", status.as_u16().to_string()),
            ];
            metrics::counter!("alpacon_http_requests_total", &labels).increment(1);
            metrics::histogram!("alpacon_http_request_seconds", &labels).record(elapsed);
        });
    }

    /// How long it took to find out who a credential belongs to.
    pub(crate) fn authentication(&self, kind: &'static str, elapsed: Duration) {
        metrics::with_local_recorder(&self.recorder, || {
            metrics::histogram!("alpacon_authentication_seconds", "kind" => kind).record(elapsed);
        });
    }

    /// A decision of the gate: `allow`, or the code of the refusal.
    pub(crate) fn decision(&self, operation: &'static str, outcome: &'static str) {
        metrics::with_local_recorder(&self.recorder, || {
            metrics::counter!(
                "alpacon_gate_decisions_total",
                "operation" => operation,
                "outcome" => outcome
            )
            .increment(1);
        });
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of connections are small"
    )]
    pub(crate) fn set_gauges(&self, agents: usize, listeners: usize) {
        metrics::with_local_recorder(&self.recorder, || {
            metrics::gauge!("alpacon_agents_connected").set(agents as f64);
            metrics::gauge!("alpacon_event_channels").set(listeners as f64);
        });
    }

    pub(crate) fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }
}
