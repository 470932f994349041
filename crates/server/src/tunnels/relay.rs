//! The task of a tunnel: waits for both sides, carries connections, and ends with
//! whoever ends first.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http::StatusCode;
use mux::Error;
use protocol::id::CommandId;
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use tokio::time::{Instant, interval, timeout};
use tokio_util::task::TaskTracker;

use super::end::End;
use super::kind::Tunnels;
use super::leg::{Arrival, Leg};
use super::record::Recorder;
use super::stream::{ForeignPort, Passage};
use crate::http::{ApiResult, PublicCtx};
use crate::rendezvous::{self, Arrivals, Live};

/// How often what changed is stored.
const STORE_TICK: Duration = Duration::from_secs(1);
/// Connections that were cut off have this long to note their end.
const DRAIN: Duration = Duration::from_secs(2);
/// Connections a client may open: at once, and in each second after those.
const BURST: NonZeroU32 = NonZeroU32::new(2000).unwrap();
const RATE: NonZeroU32 = NonZeroU32::new(1000).unwrap();

/// What the task of a tunnel needs.
pub(super) struct Relay {
    pub(super) ctx: PublicCtx,
    pub(super) live: Arc<Live<Tunnels>>,
    pub(super) actor: Actor,
    pub(super) target_port: u16,
    /// The command that orders the agent to connect.
    pub(super) order: CommandId,
    /// An attempt to reach another port was recorded.
    pub(super) told: AtomicBool,
}

impl Relay {
    /// Runs the tunnel to its end, and records it.
    pub(super) async fn run(self: Arc<Self>, arrivals: Arrivals<Arrival>) {
        let recorder = Arc::new(Recorder::new(self.live.bond.id));
        let end = self.serve(arrivals, &recorder).await;
        self.ctx.app.tunnels.remove(self.live.bond.id);
        tracing::info!(tunnel = %self.live.bond.id, reason = end.reason(), "tunnel ended");
        if let Err(error) = self.record_end(end, &recorder).await {
            tracing::error!(
                detail = error.detail,
                "the end of a tunnel was not recorded"
            );
        }
    }

    async fn serve(self: &Arc<Self>, arrivals: Arrivals<Arrival>, recorder: &Arc<Recorder>) -> End {
        let Arrivals { client, agent } = arrivals;
        let arrived = tokio::select! {
            arrived = rendezvous::client::<Tunnels>(client) => arrived,
            end = self.live.stopped(&self.ctx.app) => Err(end),
        };
        let mut client = match arrived {
            Ok(arrived) => Leg::start(arrived),
            Err(end) => return end,
        };
        // The client's session runs meanwhile: it says that it is alive, and holds
        // streams back.
        let arrived = tokio::select! {
            arrived = rendezvous::agent::<Tunnels>(&self.ctx, self.order, agent) => arrived,
            error = client.gone() => Err(client_end(&error)),
            end = self.live.stopped(&self.ctx.app) => Err(end),
        };
        let mut agent = match arrived {
            Ok(arrived) => Leg::start(arrived),
            Err(end) => {
                client.close(end.close_code()).await;
                return end;
            }
        };
        let connections = TaskTracker::new();
        let passage = Arc::new(Passage {
            agent: agent.session.clone(),
            agent_is_precise: agent.is_precise,
            client_is_precise: client.is_precise,
            target_port: self.target_port,
            recorder: recorder.clone(),
        });
        let session = client.session.clone();
        let end = tokio::select! {
            error = client.gone() => client_end(&error),
            _ = agent.gone() => End::AgentLeft,
            end = self.live.stopped(&self.ctx.app) => end,
            error = self.accept(&session, &passage, &connections) => client_end(&error),
            () = self.store(recorder) => End::Closed,
        };
        drop((passage, session));
        tokio::join!(
            client.close(end.close_code()),
            agent.close(end.close_code())
        );
        connections.close();
        if timeout(DRAIN, connections.wait()).await.is_err() {
            tracing::warn!(tunnel = %self.live.bond.id, "connections of a tunnel hang");
        }
        end
    }

    /// Carries each connection in a task of its own, no faster than allowed.
    async fn accept(
        self: &Arc<Self>,
        client: &mux::Session,
        passage: &Arc<Passage>,
        connections: &TaskTracker,
    ) -> Error {
        let limiter = RateLimiter::direct(Quota::per_second(RATE).allow_burst(BURST));
        loop {
            let stream = match client.accept().await {
                Ok(stream) => stream,
                Err(error) => return error,
            };
            admitted(&limiter).await;
            let (passage, relay) = (passage.clone(), self.clone());
            connections.spawn(async move {
                if let Err(port) = passage.carry(stream).await {
                    relay.foreign(port).await;
                }
            });
        }
    }

    /// Stores what changed, now and then.
    async fn store(&self, recorder: &Recorder) {
        let mut ticks = interval(STORE_TICK);
        loop {
            ticks.tick().await;
            if let Err(error) = recorder.store(&self.ctx).await {
                tracing::warn!(detail = error.detail, "connections could not be recorded");
            }
        }
    }

    /// The first attempt to reach another port goes into the audit trail; the others
    /// are recorded as connections only. It is recorded also when its client is gone.
    async fn foreign(&self, ForeignPort(port): ForeignPort) {
        if self.told.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.audit_foreign(port).await {
            tracing::error!(detail = error.detail, "a refusal could not be recorded");
        }
    }

    async fn audit_foreign(&self, port: i64) -> ApiResult<()> {
        let bond = &self.live.bond;
        let unit = self.ctx.begin().await?;
        unit.audit(AuditRecord {
            actor: self.actor.clone(),
            ip: self.ctx.ip.to_string(),
            app: super::open::SOURCE,
            model: "tunnel",
            object_id: Some(bond.id.0),
            action: "deny",
            status_code: StatusCode::FORBIDDEN.as_u16(),
            description: format!(
                "a connection through the tunnel to port {} asked for port {port}",
                self.target_port
            ),
            data: json!({"server": bond.server, "session": bond.footing.work_session, "port": port}),
        })
        .await?;
        Ok(unit.commit().await?)
    }

    async fn record_end(&self, end: End, recorder: &Recorder) -> ApiResult<()> {
        recorder.store(&self.ctx).await?;
        let totals = recorder.totals();
        let unit = self.ctx.begin().await?;
        let id = self.live.bond.id;
        unit.tenant()
            .tunnels()
            .close(id, totals, end.reason())
            .await?;
        unit.audit(AuditRecord {
            actor: self.actor.clone(),
            ip: self.ctx.ip.to_string(),
            app: super::open::SOURCE,
            model: "tunnel",
            object_id: Some(id.0),
            action: "close",
            status_code: StatusCode::OK.as_u16(),
            description: format!("tunnel closed: {}", end.reason()),
            data: json!({
                "server": self.live.bond.server,
                "session": self.live.bond.footing.work_session,
                "target_port": self.target_port,
                "connections": totals.connections,
                "bytes_sent": totals.bytes_sent,
                "bytes_received": totals.bytes_received,
            }),
        })
        .await?;
        Ok(unit.commit().await?)
    }
}

fn client_end(error: &Error) -> End {
    match error {
        Error::Violation(_) | Error::Silent => {
            tracing::info!(%error, "a client of a tunnel is cut off");
            End::ClientFailed
        }
        _ => End::ClientLeft,
    }
}

/// Waits until one more connection is within the rate.
async fn admitted(limiter: &DefaultDirectRateLimiter) {
    while let Err(early) = limiter.check() {
        let wait = early.wait_time_from(DefaultClock::default().now());
        tokio::time::sleep_until(Instant::now() + wait).await;
    }
}
