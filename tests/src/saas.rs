//! The SaaS of a scene.

use towerhook_sandbox::providers::Registration;
use towerhook_sandbox::providers::lacework::{Integration, Lacework};

use crate::scene::Scene;

impl Scene {
    /// The registrations of an account's configuration.
    #[must_use]
    pub fn registrations(&self, name: &str) -> Vec<Registration> {
        let id = self.account(name).id;
        let mut all = self.sandbox.simulator.registrations();
        all.retain(|one| one.watches(&id));
        all
    }

    /// The simulator, where the SaaS is Lacework.
    ///
    /// # Panics
    /// When it is another.
    #[must_use]
    pub fn lacework(&self) -> &Lacework {
        self.sandbox.lacework().unwrap()
    }

    /// [`Scene::registrations`] with all that only Lacework has.
    #[must_use]
    pub fn integrations(&self, name: &str) -> Vec<Integration> {
        let registrations = self.registrations(name);
        let mut all = self.lacework().integrations();
        all.retain(|one| registrations.iter().any(|known| known.id == one.guid));
        all
    }
}
