/** The page: starts the worker, and connects what the user does with what is shown. */

import { begin } from './app.mjs';

await begin();
