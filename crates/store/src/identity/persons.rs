//! Persons: who is the same human being in several workspaces. Only a proof that
//! somebody owns a mail address makes them one; what an administrator writes into an
//! account never does.

use protocol::id::{PersonId, UserId, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _,
    QueryOrder as _,
};

use super::Identity;
use crate::entity::{person, person_user, user, workspace};
use crate::{Store, StoreError, now};

/// A workspace that a person is in.
#[derive(Clone, Debug)]
pub struct PersonWorkspace {
    /// The workspace.
    pub workspace: workspace::Model,
    /// Who they are there.
    pub user: UserId,
}

impl<C: ConnectionTrait> Identity<'_, C> {
    /// Notes that a user has just proved to own `email`: they are that person from now
    /// on. Somebody else here who was that person is it no longer.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn prove_email(&self, user: UserId, email: &str) -> Result<PersonId, StoreError> {
        let email = email.to_lowercase();
        let new = person::ActiveModel {
            id: Set(PersonId::new().0),
            email: Set(email.clone()),
            added_at: Set(now()),
        };
        person::Entity::insert(new)
            .on_conflict(
                OnConflict::column(person::Column::Email)
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(self.0.connection)
            .await?;
        let person = person::Entity::find()
            .filter(person::Column::Email.eq(email))
            .one(self.0.connection)
            .await?
            .ok_or(StoreError::Stale)?;
        person_user::Entity::delete_many()
            .filter(person_user::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(person_user::Column::PersonId.eq(person.id))
            .exec(self.0.connection)
            .await?;
        self.forget_person(user).await?;
        person_user::ActiveModel {
            user_id: Set(user.0),
            workspace_id: Set(self.0.workspace.0),
            person_id: Set(person.id),
            added_at: Set(now()),
        }
        .insert(self.0.connection)
        .await?;
        Ok(PersonId(person.id))
    }

    /// A user is no known person any more: their mail address is another now.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn forget_person(&self, user: UserId) -> Result<(), StoreError> {
        person_user::Entity::delete_many()
            .filter(person_user::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(person_user::Column::UserId.eq(user.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }
}

impl Store {
    /// The enabled workspaces that a user of `workspace` is in as an active user, by
    /// name; their own is always among them. The one query across workspaces: it gives
    /// away nothing but names to the person they belong to.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn workspaces_of(
        &self,
        workspace: WorkspaceId,
        user: UserId,
    ) -> Result<Vec<PersonWorkspace>, StoreError> {
        let own = person_user::Entity::find_by_id(user.0)
            .filter(person_user::Column::WorkspaceId.eq(workspace.0))
            .one(self.read())
            .await?;
        let mut users = vec![user.0];
        if let Some(own) = own {
            let same = person_user::Entity::find()
                .filter(person_user::Column::PersonId.eq(own.person_id))
                .all(self.read())
                .await?;
            users.extend(same.into_iter().map(|row| row.user_id));
        }
        let active = user::Entity::find()
            .filter(user::Column::Id.is_in(users))
            .filter(user::Column::IsActive.eq(true))
            .all(self.read())
            .await?;
        let rows = workspace::Entity::find()
            .filter(workspace::Column::Id.is_in(active.iter().map(|row| row.workspace_id)))
            .filter(workspace::Column::IsEnabled.eq(true))
            .order_by_asc(workspace::Column::Name)
            .all(self.read())
            .await?;
        Ok(rows
            .into_iter()
            .filter_map(|workspace| {
                let found = active.iter().find(|row| row.workspace_id == workspace.id)?;
                Some(PersonWorkspace {
                    user: UserId(found.id),
                    workspace,
                })
            })
            .collect())
    }
}
