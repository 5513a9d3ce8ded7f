//! What is launched: the functions as zips, and the main template composed of its fragments.

mod cargo;
pub mod compose;
pub mod lambda;
pub mod local;
pub mod publish;
pub mod python;
pub mod release;
pub mod shown;
pub mod terraform;
mod toolchain;
mod workspace;
mod zip_file;

pub use cargo::{executables, without_package_variables};
pub use workspace::{target_directory, workspace_root};
pub use zip_file::{Packing, zip_bootstrap};

/// The functions by name, each with its package, whose binary has the function's name.
pub const FUNCTIONS: [(&str, &str); 3] = [
    ("setup", "towerhook-setup"),
    ("account", "towerhook-account"),
    ("auth", "towerhook-auth"),
];
