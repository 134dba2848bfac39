// For pages that import.

// The one that the page imports too.
import { cometApi } from './CometServerApi.mjs';

import { CometVideoApi } from './cometVideoApi.js';

export const cometVideoApi = new CometVideoApi(cometApi);
export { CometVideoApi };
export default cometVideoApi;
