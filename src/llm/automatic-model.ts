/** A client that asks for this model, or for none at all, leaves the choice to the gateway. */
export const automatic = "auto";
