//! What opening a channel takes, whatever goes through it.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use protocol::code;
use protocol::command::{SHELL_INTERNAL, Status};
use protocol::id::ServerId;
use serde::Serialize;
use serde_json::{Value, json};
use store::Unit;
use store::commands::NewCommand;
use store::entity::command;

use super::admit::path;
use super::{Arrivals, Bond, Kind, Live, Side};
use crate::agents::Connection;
use crate::app::SharedApp;
use crate::commands::dispatch;
use crate::crypto::token::{self, Token};
use crate::gate::Grant;
use crate::http::{ApiError, ApiResult, Ctx};

/// Whom orders to the agent itself name; see `commands::internal`.
const ACCOUNT: &str = "root";

/// The connection of the agent that is to come; `source` is for the refusal.
pub(crate) fn connected(ctx: &Ctx, grant: &Grant, source: &'static str) -> ApiResult<Connection> {
    let connection = ctx.app.agents.connection(ServerId(grant.server.id));
    connection.ok_or_else(|| {
        ApiError::conflict(format!(
            "The agent of {} is not connected; try again when it is.",
            grant.server.name
        ))
        .code(code::SERVER_NOT_CONNECTED, source)
    })
}

/// One too many.
fn full<K: Kind>() -> ApiError {
    let detail = format!(
        "Too many {} are open; close some, or try again later.",
        K::NAMES
    );
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, detail).retry_after(5)
}

/// Stores the order to the agent. It lacks the address with its credential, which only
/// [`send_order`] adds.
pub(crate) async fn order<I>(
    unit: &Unit,
    bond: &Bond<I>,
    line: &str,
    data: &Value,
) -> ApiResult<command::Model> {
    let order = NewCommand {
        server: bond.server,
        requested_by: bond.footing.user,
        token: bond.footing.token,
        login: bond.login,
        work_session: bond.footing.work_session,
        shell: SHELL_INTERNAL,
        line: line.to_owned(),
        argv: None,
        sealed_env: None,
        data: data.to_string(),
        username: ACCOUNT.to_owned(),
        groupname: ACCOUNT.to_owned(),
        status: Status::Delivered,
        verdict: json!({}),
        guard: None,
        run_after: Vec::new(),
        scheduled_at: None,
    };
    Ok(unit.tenant().commands().create(order).await?)
}

/// The place of a channel among those of its kind. Dropped before it is kept, it is
/// given back: nobody opened the channel.
pub(crate) struct Place<K: Kind> {
    app: SharedApp,
    id: K::Id,
    kept: bool,
}

impl<K: Kind> Place<K> {
    /// For the task of the channel, which gives it back when the channel has ended.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl<K: Kind> Drop for Place<K> {
    fn drop(&mut self) {
        if !self.kept {
            K::hub(&self.app).remove(self.id);
        }
    }
}

/// A channel that both sides may come to.
pub(crate) struct Expected<K: Kind> {
    pub(crate) place: Place<K>,
    pub(crate) live: Arc<Live<K>>,
    pub(crate) arrivals: Arrivals<K::Arrival>,
    /// Where its sides come to.
    pub(crate) client_url: String,
    pub(crate) agent_url: String,
}

/// Lets both sides in from now on: those who are told where to come to.
///
/// # Errors
/// When the channel is one too many, or the system gives no randomness.
pub(crate) fn expect<K: Kind>(
    ctx: &Ctx,
    bond: Bond<K::Id>,
    connection: &Connection,
) -> ApiResult<Expected<K>> {
    let client_token = Token::generate(token::CHANNEL)?;
    let agent_token = Token::generate(token::CHANNEL)?;
    let id = bond.id.to_string();
    let hub = K::hub(&ctx.app);
    let place = Place {
        app: ctx.app.clone(),
        id: bond.id,
        kept: false,
    };
    let inserted = hub.insert(bond, client_token.hash(), agent_token.hash());
    let (live, arrivals) = inserted.ok_or_else(full::<K>)?;
    let url = |base: &str, side, token: &Token| {
        let path = path::<K>(side, &id, token.reveal());
        format!("{base}{path}")
    };
    Ok(Expected {
        place,
        live,
        arrivals,
        client_url: url(&ctx.websocket_base(), Side::Client, &client_token),
        agent_url: url(&connection.websocket_base, Side::Agent, &agent_token),
    })
}

/// Sends the order that [`order`] stored, with all its arguments.
pub(crate) async fn send_order(
    ctx: &Ctx,
    grant: &Grant,
    connection: &Connection,
    mut order: command::Model,
    arguments: &(impl Serialize + Sync),
) -> ApiResult<()> {
    order.data = serde_json::to_string(arguments).map_err(ApiError::internal)?;
    let session = grant.session.as_deref();
    dispatch::send(&ctx.public, &order, BTreeMap::new(), connection, session).await;
    Ok(())
}
