//! `alpacon approval plan`: several commands, one decision. An addition of our server.

use client::approvals::{self, NewPlan};
use client::servers;

use crate::commands::exec::session_choice;
use crate::context::Context;
use crate::envelope::Action;
use crate::error::Failure;
use crate::pending::Pending;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Server name.
    server: String,
    /// The command lines, each as one word; each may then be run once with exec.
    #[arg(required = true, value_name = "LINE")]
    commands: Vec<String>,
    /// Account on the server.
    #[arg(short, long, default_value = "", hide_default_value = true)]
    username: String,
    /// Group on the server.
    #[arg(short, long, default_value = "", hide_default_value = true)]
    groupname: String,
    /// Why, for the reviewer.
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    /// Work session to run them in.
    #[arg(long, value_name = "ID")]
    work_session: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let session = context.connect().await?;
    let plan = NewPlan {
        server: servers::id_by_name(&session.api, &args.server).await?,
        work_session: session_choice::choose(args.work_session.as_deref(), &session.config),
        username: args.username,
        groupname: args.groupname,
        description: args.reason,
        commands: args.commands,
    };
    let request = approvals::plan(&session.api, &plan).await?;
    let describe = Action::command(format!("alpacon approval describe {}", request.id))
        .described("see whether it is approved");
    let run = Action::advice("once it is approved, run each command once with alpacon exec");
    let mut pending = Pending::new(
        format!("the plan waits for a reviewer (request {})", request.id),
        Some(describe),
    );
    pending.actions.push(run);
    pending.request_id = Some(request.id);
    Err(pending.into())
}
