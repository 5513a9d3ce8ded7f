//! Publishes a release: its files in one bucket for each Region, below a folder that never changes, and
//! templates that know where that is.

mod buttons;
mod place;
mod release;
mod run;
mod stamp;
mod store;

pub use buttons::buttons;
pub use place::{Place, Unusable, places};
pub use release::{Object, Release};
pub use run::{Published, publish};
pub use stamp::{Versions, fragment, launch_key, launchable};
pub use store::{Store, Stored};
