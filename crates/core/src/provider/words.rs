/// A vendor's words, for an administrator.
#[derive(Debug)]
pub struct Words {
    /// The vendor's product, as its users know it.
    pub title: &'static str,
    /// What an administrator names a tenant by, such as "the URL of a Plain account".
    pub tenant: &'static str,
    /// The stack parameter that names the tenant.
    pub tenant_parameter: &'static str,
    /// Its words for the principal that may assume the roles; `None` if that is no principal of
    /// AWS's, and the external id says all there is to trust.
    pub principal: Option<PrincipalWords>,
    /// The stack parameter with the tenant's external id, if the vendor has one for all accounts.
    pub external_id_parameter: Option<&'static str>,
    /// Its words for stores, if a tenant has any.
    pub stores: Option<StoreWords>,
}

/// A vendor's words for its principal.
#[derive(Debug)]
pub struct PrincipalWords {
    /// The stack parameter with the principal.
    pub parameter: &'static str,
    /// What an administrator names it by, such as "a principal's ARN".
    pub principal: &'static str,
}

/// A vendor's words for the stores of a tenant.
#[derive(Debug)]
pub struct StoreWords {
    /// What it calls a store.
    pub store: &'static str,
    /// The stack parameter with the one store of all accounts.
    pub single_parameter: &'static str,
    /// The stack parameter with organizational units, each with its accounts' store.
    pub units_parameter: &'static str,
}

/// How the functions prove to the vendor who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// With access tokens, for which an API key is exchanged.
    Exchanged(KeyParameters),
    /// With an API key as it is, which is verified again and again.
    Verified(KeyParameters),
    /// Not at all: the vendor's API is not used.
    None,
}

impl Credential {
    /// The stack parameters with the API key, if there is one.
    pub fn key(self) -> Option<KeyParameters> {
        match self {
            Self::Exchanged(key) | Self::Verified(key) => Some(key),
            Self::None => None,
        }
    }
}

/// The stack parameters with an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyParameters {
    /// Its id, which is not a secret; `None` if the key has none.
    pub id: Option<&'static str>,
    /// Its secret.
    pub secret: &'static str,
}

impl Words {
    /// What an administrator may do about a foreign resource with one of our names, besides removing
    /// it: all names carry the store.
    pub(crate) fn launch_otherwise(&self) -> String {
        let stores = self.stores.as_ref();
        stores.map_or_else(String::new, |stores| {
            let parameter = stores.single_parameter;
            format!(", or launch with another {parameter}, which all names carry")
        })
    }
}
