// Pages of administrators: they refresh themselves.
import { keepRenewing } from "./page.js";

keepRenewing();
