//! What is asked of CloudFormation once the main stack stands.

use towerhook_sandbox::launch::{Parameters, TEMPLATE};

use crate::STACK_DEADLINE;
use crate::python::assert_requests_fit;
use crate::scene::Scene;

impl Scene {
    /// An update of the main stack, complete.
    ///
    /// # Panics
    /// When the update fails.
    pub async fn update(&self, changes: &[(&str, &str)]) {
        self.ask_for_update(changes).await;
        self.stack
            .wait_for("UPDATE_COMPLETE", STACK_DEADLINE)
            .await
            .unwrap();
    }

    /// An update that fails: CloudFormation goes back to what was. Answers the Reason.
    ///
    /// # Panics
    /// When the update succeeds, or going back fails.
    pub async fn refused_update(&self, changes: &[(&str, &str)]) -> String {
        self.ask_for_update(changes).await;
        self.stack
            .wait_for("UPDATE_ROLLBACK_COMPLETE", STACK_DEADLINE)
            .await
            .unwrap();
        let failures = self.stack.failures().await.unwrap();
        failures[0].reason.clone()
    }

    /// Asks for an update and does not wait for it.
    ///
    /// # Panics
    /// When CloudFormation refuses the request.
    pub async fn ask_for_update(&self, changes: &[(&str, &str)]) {
        let changes: Parameters = changes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.stack.update(TEMPLATE, &changes).await.unwrap();
    }

    /// The deletion of the main stack, complete; and what the functions sent all the while fits AWS's own
    /// models.
    ///
    /// # Panics
    /// When the deletion fails or a request does not fit.
    pub async fn delete(&self) {
        self.stack.delete().await.unwrap();
        self.stack
            .wait_for("DELETE_COMPLETE", STACK_DEADLINE)
            .await
            .unwrap();
        assert_requests_fit(&self.sandbox, &[]).await;
    }
}
