//! Taking transfers in.

use guardrail::Detail;
use http::StatusCode;
use protocol::code;
use protocol::id::{ServerId, TransferId, WorkSessionId};
use protocol::transfer::{
    CreateDownload, CreateDownloads, CreateUpload, CreateUploads, Direction, resource,
};
use serde_json::json;
use store::audit::AuditRecord;
use store::entity::transfer;
use store::now;
use store::transfers::NewTransfer;

use super::order::{self, Agent};
use super::paths::{self, SOURCE};
use super::policy;
use super::quota::require_room;
use crate::gate::{self, FileRules, Grant, Operation, Target};
use crate::http::{ApiError, ApiResult, Ctx};

/// Transfers of one bulk request.
const MAX_BULK: usize = 1000;

/// A transfer and where it is.
pub(super) struct Created {
    pub(super) rows: Vec<transfer::Model>,
    pub(super) grant: Grant,
}

/// One upload.
pub(super) async fn upload(ctx: &Ctx, request: CreateUpload) -> ApiResult<Created> {
    let CreateUpload {
        name,
        streaming,
        size,
        ..
    } = request;
    if size.is_some_and(|size| size < 0) {
        return Err(ApiError::field(
            SOURCE,
            "size",
            "size must not be negative.",
        ));
    }
    let request = CreateUploads {
        names: vec![name],
        path: request.path,
        server: request.server,
        username: request.username,
        groupname: request.groupname,
        allow_overwrite: request.allow_overwrite,
        allow_unzip: request.allow_unzip,
        work_session: request.work_session,
    };
    create_uploads(ctx, request, streaming, size.unwrap_or(0)).await
}

/// Several uploads into one directory.
pub(super) async fn uploads(ctx: &Ctx, mut request: CreateUploads) -> ApiResult<Created> {
    if !(1..=MAX_BULK).contains(&request.names.len()) {
        let detail = format!("names must hold 1 to {MAX_BULK} names.");
        return Err(ApiError::field(SOURCE, "names", detail));
    }
    if !request.path.ends_with('/') {
        request.path.push('/');
    }
    create_uploads(ctx, request, false, 0).await
}

async fn create_uploads(
    ctx: &Ctx,
    request: CreateUploads,
    streaming: bool,
    size: i64,
) -> ApiResult<Created> {
    require_server(request.server)?;
    for name in &request.names {
        paths::check_name(name)?;
    }
    let target = Target {
        server: request.server,
        username: &request.username,
        groupname: &request.groupname,
        work_session: request.work_session,
    };
    let grant = gate::authorize(ctx, Operation::Webftp, target).await?;
    let agent = Agent::of(ctx, &grant.server)?;
    let rules = gate::file_rules(&grant, Direction::Upload)?;
    let home = paths::home(ctx, &grant.server, &grant.username).await?;
    let path = paths::ordered(&request.path, &home)?;
    if !agent.is_ours() && !path.starts_with('/') {
        let detail = "Give an absolute path: the account's home directory is not known.";
        return Err(ApiError::field(SOURCE, "path", detail));
    }
    let judged = judge_uploads(&rules, &agent, &request, &path);
    refused(ctx, &grant, judged, &[&request.path]).await?;
    let mut names: Vec<&str> = request.names.iter().map(String::as_str).collect();
    names.push(paths::without_slash(&path));
    require_names(ctx, &grant, &names).await?;
    // The path may turn out to be a folder.
    let names = request.names.iter();
    let inside = names.flat_map(|name| [target_of(&path, name), paths::inside(&path, name)]);
    let guarded = gate::require_guardrails(ctx, &grant, inside.map(Detail::Upload)).await;
    refused(ctx, &grant, guarded, &[&request.path]).await?;
    require_room(ctx, size, request.names.len()).await?;

    let blueprint = Blueprint::new(ctx, &grant, &rules, home);
    let names = request.names.into_iter();
    let new = names.map(|name| {
        let ordered = target_of(&path, &name);
        NewTransfer {
            direction: Direction::Upload,
            name,
            paths: vec![request.path.clone()],
            ordered_paths: vec![ordered],
            allow_overwrite: request.allow_overwrite,
            allow_unzip: request.allow_unzip,
            // A public agent would be given nothing to read yet.
            streaming: streaming && agent.is_ours() && ctx.app.objects.streams(),
            size,
            ..blueprint.transfer()
        }
    });
    let new = new.collect();
    record(ctx, grant, &agent, new).await
}

/// Judges where uploads may go. An agent of ours judges again what it finds there;
/// so for it, either the path or the name in it must be allowed. From others
/// nothing more is to be expected.
fn judge_uploads(
    rules: &FileRules,
    agent: &Agent,
    request: &CreateUploads,
    path: &str,
) -> ApiResult<()> {
    if rules.is_empty() {
        return Ok(());
    }
    if !agent.is_ours() && request.allow_unzip {
        return Err(unenforceable("unpack an archive"));
    }
    for name in &request.names {
        let inside = paths::inside(path, name);
        if path.ends_with('/') {
            rules.check(&inside)?;
        } else if let Err(refusal) = rules.check(path)
            && (!agent.is_ours() || rules.check(&inside).is_err())
        {
            return Err(refusal);
        }
    }
    Ok(())
}

fn unenforceable(what: &str) -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        format!(
            "File rules apply, and this server's agent cannot keep to them when it is to {what}; \
             move single files, or install an agent that can."
        ),
    )
    .code(code::PATH_NOT_ALLOWED, "path")
}

/// One download.
pub(super) async fn download(ctx: &Ctx, request: CreateDownload) -> ApiResult<Created> {
    let kind = match request.resource_type.as_str() {
        "" | resource::FILE => resource::FILE,
        resource::FOLDER => resource::FOLDER,
        _ => {
            let detail = "resource_type must be file or folder.";
            let mut refusal = ApiError::field(SOURCE, "resource_type", detail);
            refusal.code = Some(code::INVALID_CHOICE);
            return Err(refusal);
        }
    };
    if request.path.is_empty() {
        return Err(ApiError::missing(SOURCE, "path"));
    }
    let request = CreateDownloads {
        path: vec![request.path],
        server: request.server,
        username: request.username,
        groupname: request.groupname,
        work_session: request.work_session,
    };
    create_download(ctx, request, kind).await
}

/// Several paths in one archive.
pub(super) async fn downloads(ctx: &Ctx, request: CreateDownloads) -> ApiResult<Created> {
    if !(1..=MAX_BULK).contains(&request.path.len()) {
        let detail = format!("path must hold 1 to {MAX_BULK} paths.");
        return Err(ApiError::field(SOURCE, "path", detail));
    }
    create_download(ctx, request, order::BULK).await
}

async fn create_download(
    ctx: &Ctx,
    request: CreateDownloads,
    kind: &'static str,
) -> ApiResult<Created> {
    require_server(request.server)?;
    let target = Target {
        server: request.server,
        username: &request.username,
        groupname: &request.groupname,
        work_session: request.work_session,
    };
    let grant = gate::authorize(ctx, Operation::Webftp, target).await?;
    let agent = Agent::of(ctx, &grant.server)?;
    let rules = gate::file_rules(&grant, Direction::Download)?;
    let home = paths::home(ctx, &grant.server, &grant.username).await?;
    let ordered: Vec<String> = request
        .path
        .iter()
        .map(|path| paths::ordered(path, &home))
        .collect::<ApiResult<_>>()?;
    let judged = judge_downloads(&rules, &agent, &ordered, kind);
    let typed: Vec<&str> = request.path.iter().map(String::as_str).collect();
    refused(ctx, &grant, judged, &typed).await?;
    let names: Vec<&str> = ordered
        .iter()
        .map(|path| paths::without_slash(path))
        .collect();
    require_names(ctx, &grant, &names).await?;
    let details = ordered.iter().cloned().map(Detail::Download);
    let guarded = gate::require_guardrails(ctx, &grant, details).await;
    refused(ctx, &grant, guarded, &typed).await?;
    require_room(ctx, 0, 1).await?;

    let first = request.path.first().map_or("", String::as_str);
    let base = paths::without_slash(first).rsplit('/').next();
    let base = base.filter(|name| !name.is_empty()).unwrap_or("files");
    let name = match kind {
        resource::FILE => base.to_owned(),
        resource::FOLDER => format!("{base}.zip"),
        _ => "files.zip".to_owned(),
    };
    let new = NewTransfer {
        direction: Direction::Download,
        name,
        paths: request.path,
        ordered_paths: ordered,
        resource_type: kind,
        streaming: agent.is_ours() && ctx.app.objects.streams(),
        ..Blueprint::new(ctx, &grant, &rules, home).transfer()
    };
    record(ctx, grant, &agent, vec![new]).await
}

fn judge_downloads(
    rules: &FileRules,
    agent: &Agent,
    ordered: &[String],
    kind: &str,
) -> ApiResult<()> {
    if rules.is_empty() {
        return Ok(());
    }
    if !agent.is_ours() && kind != resource::FILE {
        return Err(unenforceable("read a directory"));
    }
    for path in ordered {
        let bare = paths::without_slash(path);
        if let Err(refusal) = rules.check(bare) {
            // A directory may be read whose content is allowed: the agent leaves out
            // nothing of it unjudged.
            let content = paths::inside(bare, "x");
            if kind == resource::FILE || rules.check(&content).is_err() {
                return Err(refusal);
            }
        }
    }
    Ok(())
}

/// Records a refusal of the file rules before it is answered.
async fn refused(ctx: &Ctx, grant: &Grant, judged: ApiResult<()>, paths: &[&str]) -> ApiResult<()> {
    if let Err(refusal) = judged {
        let server = ServerId(grant.server.id);
        let data = json!({"paths": paths});
        gate::record_refusal(ctx, Operation::Webftp, server, &refusal, data).await;
        return Err(refusal);
    }
    Ok(())
}

/// Where an upload of this name goes.
fn target_of(path: &str, name: &str) -> String {
    match path.ends_with('/') {
        true => paths::inside(path, name),
        false => path.to_owned(),
    }
}

fn require_server(server: ServerId) -> ApiResult<()> {
    if server.is_nil() {
        return Err(ApiError::missing(SOURCE, "server"));
    }
    Ok(())
}

/// Refuses names that the workspace does not let through, on the record.
async fn require_names(ctx: &Ctx, grant: &Grant, names: &[&str]) -> ApiResult<()> {
    let policy = &ctx.workspace.settings.transfer_policy;
    let judged = names
        .iter()
        .try_for_each(|name| policy::check_name(policy, name))
        .map_err(|reason| {
            ApiError::new(StatusCode::FORBIDDEN, reason).code(code::CONTENT_NOT_ALLOWED, SOURCE)
        });
    refused(ctx, grant, judged, names).await
}

/// What all transfers of one request have in common.
struct Blueprint<'a> {
    ctx: &'a Ctx,
    grant: &'a Grant,
    rules: &'a FileRules,
    home: String,
}

impl<'a> Blueprint<'a> {
    fn new(ctx: &'a Ctx, grant: &'a Grant, rules: &'a FileRules, home: String) -> Self {
        Self {
            ctx,
            grant,
            rules,
            home,
        }
    }

    fn transfer(&self) -> NewTransfer {
        let session = self.grant.session.as_ref();
        NewTransfer {
            id: TransferId::new(),
            server: ServerId(self.grant.server.id),
            requested_by: self.ctx.principal.user_id(),
            token: self.ctx.principal.token(),
            work_session: session.map(|session| WorkSessionId(session.id)),
            direction: Direction::Upload,
            name: String::new(),
            paths: Vec::new(),
            ordered_paths: Vec::new(),
            resource_type: resource::FILE,
            username: self.grant.username.clone(),
            groupname: self.grant.groupname.clone(),
            home_directory: self.home.clone(),
            allow_overwrite: false,
            allow_unzip: false,
            rules: self.rules.lists.clone(),
            streaming: false,
            size: 0,
            remote_ip: self.ctx.ip.to_string(),
            expires_at: now() + self.ctx.app.config.transfers.retention(),
        }
    }
}

/// Creates the rows, and orders at once what need not wait. Everything is durable
/// before anything leaves.
async fn record(
    ctx: &Ctx,
    grant: Grant,
    agent: &Agent,
    new: Vec<NewTransfer>,
) -> ApiResult<Created> {
    let unit = ctx.begin().await?;
    let transfers = unit.tenant().transfers();
    let mut rows = Vec::with_capacity(new.len());
    for new in new {
        let row = transfers.create(new).await?;
        unit.audit(created_record(ctx, &grant, &row)).await?;
        rows.push(row);
    }
    let at_once = |row: &transfer::Model| row.direction == "download" || row.streaming;
    let ordered = match rows.iter().all(at_once) {
        true => order::create(ctx, &unit, agent, &mut rows).await?,
        false => None,
    };
    unit.commit().await?;
    ctx.app.metrics.decision(Operation::Webftp.scope(), "allow");
    if let Some(command) = ordered {
        order::send(ctx, agent, &command, grant.session.as_deref()).await;
    }
    Ok(Created { rows, grant })
}

fn created_record(ctx: &Ctx, grant: &Grant, row: &transfer::Model) -> AuditRecord {
    AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "transfer",
        object_id: Some(row.transfer_id),
        action: "create",
        status_code: StatusCode::CREATED.as_u16(),
        description: format!(
            "{} {} as {}@{}",
            row.direction, row.name, row.username, grant.server.name
        ),
        data: json!({
            "direction": row.direction,
            "server": row.server_id,
            "session": row.work_session_id,
            "token": row.token_id,
            "username": row.username,
            "groupname": row.groupname,
            "name": row.name,
            "paths": row.paths,
            "ordered_paths": row.ordered_paths,
            "allow_overwrite": row.allow_overwrite,
            "allow_unzip": row.allow_unzip,
            "rules": row.rules,
        }),
    }
}
