use towerhook_core::{
    Error, ErrorKind, Result,
    model::{Profile, Registration, RegistrationKind, Store},
    ports::RegistryReads,
};

/// The API of a host that the deployment does not use: it is not asked, since the token would go to
/// the wrong place.
#[derive(Debug)]
pub(crate) struct OtherHost {
    /// The host of the deployment.
    pub(crate) recorded: String,
    /// The host that this command was given.
    pub(crate) given: String,
}

impl OtherHost {
    fn refuse<T>(&self, operation: &'static str) -> Result<T> {
        let Self { recorded, given } = self;
        let why = format!("the deployment uses {recorded}, and the functions were given {given}");
        Err(Error::new(operation, ErrorKind::Invalid, why).of_registry())
    }
}

impl RegistryReads for OtherHost {
    fn host(&self) -> String {
        self.given.clone()
    }

    async fn profile(&self) -> Result<Profile> {
        self.refuse("registry:Profile")
    }

    async fn registrations(
        &self,
        _store: Option<&Store>,
        _kind: RegistrationKind,
    ) -> Result<Vec<Registration>> {
        self.refuse("registry:List")
    }
}
