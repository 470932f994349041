//! Ending logins of one's own, here and elsewhere.

use axum::response::Response;
use protocol::id::{LoginId, UserId};
use serde_json::json;
use store::Unit;
use store::entity::login;

use super::{Nothing, SECURITY};
use crate::http::{ApiError, ApiResult, Id};
use crate::mfa::record;
use crate::pages::{Form, PageResult, SignedIn, redirect};

/// Ends one login.
pub(super) async fn end(Id(id): Id<LoginId>, form: Form<Nothing>) -> PageResult<Response> {
    let Nothing {} = form.data;
    let signed_in = SignedIn::of(form.page)?;
    let rows = own(&signed_in).await?;
    let row = rows
        .into_iter()
        .find(|row| row.id == id.0)
        .ok_or_else(ApiError::not_found)?;
    end_these(&signed_in, &[row]).await?;
    redirect(SECURITY)
}

/// Signs out everywhere but here.
pub(super) async fn end_all(form: Form<Nothing>) -> PageResult<Response> {
    let Nothing {} = form.data;
    let signed_in = SignedIn::of(form.page)?;
    let others: Vec<_> = own(&signed_in)
        .await?
        .into_iter()
        .filter(|row| row.id != signed_in.session.login.id)
        .collect();
    end_these(&signed_in, &others).await?;
    redirect(SECURITY)
}

async fn own(signed_in: &SignedIn) -> ApiResult<Vec<login::Model>> {
    let user = UserId(signed_in.user().id);
    Ok(signed_in.tenant().identity().logins_of(user).await?)
}

async fn end_these(signed_in: &SignedIn, rows: &[login::Model]) -> ApiResult<()> {
    let unit = signed_in.begin().await?;
    for row in rows {
        delete(&unit, signed_in, row).await?;
    }
    unit.commit().await?;
    cut_off(signed_in, rows);
    Ok(())
}

async fn delete(unit: &Unit, signed_in: &SignedIn, row: &login::Model) -> ApiResult<()> {
    unit.tenant()
        .identity()
        .delete_login(LoginId(row.id))
        .await?;
    let user = signed_in.user();
    let mut record = record::change(
        signed_in,
        user,
        "delete",
        Some(row.id),
        format!("{} ended a login", user.username),
        json!({"method": row.method, "from": row.remote_ip}),
    );
    record.model = "login";
    unit.audit(record).await?;
    Ok(())
}

/// Ends all logins of the user but this one, in `unit`.
pub(super) async fn delete_others(
    unit: &Unit,
    signed_in: &SignedIn,
) -> ApiResult<Vec<login::Model>> {
    let user = UserId(signed_in.user().id);
    let mut others = unit.tenant().identity().logins_of(user).await?;
    others.retain(|row| row.id != signed_in.session.login.id);
    for row in &others {
        delete(unit, signed_in, row).await?;
    }
    Ok(others)
}

/// Cuts off what listens with logins that ended.
pub(super) fn cut_off(signed_in: &SignedIn, rows: &[login::Model]) {
    for row in rows {
        signed_in.app.events.close_of(row.id);
    }
}
