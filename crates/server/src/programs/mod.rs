//! Programs that commands start on hosts, as the exec guards of the agents tell them:
//! stored, shown, told live, and answered about where they are held.

mod answer;
mod held;
mod notify;
mod pages;
mod reports;
mod routes;
mod view;

pub(crate) use held::held;
pub(crate) use pages::{page_routes, path as page_path};
pub(crate) use reports::record;
pub(crate) use routes::routes;
pub(crate) use view::programs_of;
