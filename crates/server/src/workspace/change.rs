//! Changing settings.

use http::StatusCode;
use serde_json::{Map, Value, json};
use store::StoreError;
use store::audit::AuditRecord;

use super::documents::{Part, SOURCE, merge};
use super::settings::Settings;
use crate::approvals;
use crate::fleet;
use crate::http::{ApiError, ApiResult, Ctx, Document};
use crate::mfa;

/// Changes a part of the settings to what `document` says of it. In force at once.
pub(super) async fn change<P: Part>(ctx: &Ctx, document: &Map<String, Value>) -> ApiResult<P> {
    ctx.principal.require_superuser()?;
    if !ctx.principal.is_interactive() {
        return Err(ApiError::forbidden(
            "A token cannot change what bounds tokens; log in first: alpacon login",
        ));
    }
    if P::IS_PROTECTION {
        mfa::require_for_settings(ctx, SOURCE).await?;
    }
    let unit = ctx.begin().await?;
    let stored = unit.tenant().lock_settings().await?;
    let before: Settings = serde_json::from_value(stored.clone())
        .map_err(|_| StoreError::Corrupt("workspace settings"))?;
    let mut after = before.clone();
    P::apply(Document::new(document, SOURCE), &mut after)?;
    if after == before {
        return Ok(P::of(&before));
    }
    if after.approval_rules != before.approval_rules {
        approvals::check_rules(ctx, &after.approval_rules).await?;
    }
    let merged = merge(stored, &after).map_err(ApiError::internal)?;
    unit.tenant().store_settings(merged).await?;
    unit.audit(AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: P::NAME,
        object_id: Some(ctx.workspace_id().0),
        action: "update",
        status_code: StatusCode::OK.as_u16(),
        description: format!("{} settings changed", P::NAME.replace('_', " ")),
        data: json!({"from": differing(&before, &after), "to": differing(&after, &before)}),
    })
    .await?;
    unit.commit().await?;
    ctx.app.workspaces.reload(&ctx.app.store).await?;
    if before.access_policy() != after.access_policy() {
        // The only way to tell agents; nobody waits for it.
        let (app, workspace) = (ctx.app.clone(), ctx.workspace_id());
        ctx.app
            .spawn(async move { fleet::sync_all(&app, workspace).await });
    }
    Ok(P::of(&after))
}

/// The members of `one` that are not the same in `other`.
fn differing(one: &Settings, other: &Settings) -> Value {
    let mut one = json!(one);
    let other = json!(other);
    if let Some(members) = one.as_object_mut() {
        members.retain(|name, value| other.get(name) != Some(value));
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_names_what_changed_and_nothing_else() {
        let before = Settings::default();
        let after = Settings {
            block_local_sudo: true,
            ..Settings::default()
        };
        let expected = json!({"block_local_sudo": true});
        assert_eq!(differing(&after, &before), expected);
        assert_eq!(differing(&before, &before), json!({}));
        assert_ne!(before.access_policy(), after.access_policy());
    }
}
