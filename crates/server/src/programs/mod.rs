//! Programs that commands start on hosts, as the exec guards of the agents tell them:
//! stored, shown, told live, and answered about where they are held.

mod answer;
mod reports;
mod routes;
mod view;

pub(crate) use reports::record;
pub(crate) use routes::routes;
pub(crate) use view::programs_of;
