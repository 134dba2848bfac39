//! Who a browser is: the user whose hash it has, or a token for him (notes 04, sections 2 and 3).

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use rand::{Rng, distr::Alphanumeric};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::Realtime;
use crate::{
    error::Result,
    sql::{Tenant, Transaction},
    tables::DatabaseTransaction,
};

/// Characters of a hash that the server makes.
const HASH_LENGTH: usize = 32;

/// What a token says.
#[derive(Debug, Deserialize)]
struct Claims {
    /// Until when it counts: unix time in seconds.
    exp: f64,
    user_id: u32,
}

impl Realtime {
    /// The hash of the user if the key is his: the hash itself, or a token. None for everybody else.
    ///
    /// # Errors
    /// The store cannot be read, or not be written for a user who has a token and no hash.
    pub(super) async fn log_in(&self, tenant: Tenant, user_id: u32, key: &str) -> Result<Option<String>> {
        if user_id == 0 {
            return Ok(None);
        }
        let transaction = self.transaction(tenant);
        let hash = transaction.hash_of(user_id)?;
        if self.token_user(tenant, key)? == Some(user_id) && !transaction.is_revoked(key)? {
            if hash.is_some() {
                return Ok(hash);
            }
            self.make_hash(tenant, user_id).await?;
            let transaction = self.transaction(tenant);
            // A token that was revoked meanwhile must not leave a hash behind with which he comes again.
            return if transaction.is_revoked(key)? { Ok(None) } else { transaction.hash_of(user_id) };
        }
        // A user who does not exist takes as long as one who does.
        let expected = hash.as_deref().unwrap_or_default();
        let equal: bool = expected.as_bytes().ct_eq(key.as_bytes()).into();
        Ok(hash.filter(|hash| equal && !hash.is_empty()))
    }

    /// The user that a token is for, if its signature is right and its time not over.
    pub(super) fn token_user(&self, tenant: Tenant, token: &str) -> Result<Option<u32>> {
        let secret = format!("{}{tenant}", self.accounts.password(tenant)?.expose());
        let mut validation = Validation::new(Algorithm::HS256);
        // By our own clock, and to the second.
        validation.validate_exp = false;
        validation.validate_aud = false;
        let read = decode::<Claims>(token, &DecodingKey::from_secret(secret.as_bytes()), &validation);
        let claims = read.ok().map(|read| read.claims);
        #[expect(clippy::cast_precision_loss, reason = "exact for millions of years")]
        let now = self.now() as f64;
        Ok(claims.filter(|claims| now <= claims.exp).map(|claims| claims.user_id))
    }

    /// Gives a user a hash, which is also his SIP password, unless another of his browsers was faster.
    pub(super) async fn make_hash(&self, tenant: Tenant, user_id: u32) -> Result<()> {
        let hash: String = rand::rng().sample_iter(Alphanumeric).take(HASH_LENGTH).map(char::from).collect();
        let write = |transaction: &mut DatabaseTransaction| match transaction.hash_of(user_id)? {
            Some(_) => Ok(()),
            None => transaction.set_hash(user_id, &hash),
        };
        self.commit(tenant, write, DatabaseTransaction::commit).await
    }

    /// Takes the login of a revoked token's user away.
    pub(super) async fn revoke(&self, tenant: Tenant, token: &str) -> Result<()> {
        if let Some(user_id) = self.token_user(tenant, token)? {
            let write = |transaction: &mut DatabaseTransaction| transaction.remove_hash(user_id);
            self.commit(tenant, write, DatabaseTransaction::commit).await?;
            self.hub.log_out(tenant, user_id);
        }
        Ok(())
    }
}
